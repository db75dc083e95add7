"""The steps of the homework that a recording cannot show, each with its command. Facts in, text out. Pure."""

from __future__ import annotations

from reports.render.language import Language
from reports.text.old_answers import kind_of
from reports.text.old_facts import Facts, ports_of

GENERATOR = {"write": ("PORT_PRIMARY", "5001"), "read": ("PORT_REPLICAS", "5002")}
"""The variables of traffic-generator.py, and what it takes without them."""

PASSWORD = "PGPASSWORD=postgres "
"""The stack in containers has this one, on loopback only; a recording holds no password."""


def psql(facts: Facts, port: str, rest: str) -> str | None:
    """The call of psql through one of the proxy's ports, "write" or "read"; None where no address was recorded."""
    address = (facts["recordings"][-1]["settings"].get("traffic") or {}).get(port)
    if not address:
        return None
    password = PASSWORD if kind_of(facts["recordings"]) == "docker" else ""
    return f'{password}psql "{address}" {rest}'


def _moved(facts: Facts) -> str:
    """Where the ports that the generator knows were moved, the variables that tell it."""
    ports = ports_of(facts["recordings"][-1]["settings"])
    at = {port: address.rpartition(":")[2] for port, address in ports.items()}
    return "".join(f"{GENERATOR[port][0]}={n} " for port, n in at.items() if n != GENERATOR[port][1])


def untested_steps(facts: Facts, language: Language) -> list[str]:
    """What the homework asks for and nobody recorded: image, table of members by hand, schema, generator, screens."""
    kind = kind_of(facts["recordings"])
    said = []
    if kind == "docker":
        said.append(language.say("steps.image", command="cd patroni-master && docker build -t patroni ."))
        said.append(language.say("steps.patronictl", command="docker exec demo-patroni1 patronictl list"))
    tables = [psql(facts, "write", rf"-c '\d+ {name}'") for name in ("events", "owners")]
    if all(tables):
        said.append(language.say("steps.schema", commands=tables))
    roles = [psql(facts, port, "-c 'select pg_is_in_recovery()'") for port in ("write", "read")]
    if all(roles):
        said.append(language.say("steps.roles", commands=roles))
    if kind != "other":
        run = ["pip3 install psycopg2-binary", f"{_moved(facts)}python3 traffic-generator.py"]
        said.append(language.say("steps.generator", commands=run))
    if kind == "docker":
        began_utc, ended_utc = facts["recordings"][0]["began_utc"], facts["recordings"][-1]["ended_utc"]
        said.append(language.say("steps.grafana", began_utc=began_utc, ended_utc=ended_utc))
    return said
