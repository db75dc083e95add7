"""observer.toml and the environment -> settings."""

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from observer.config.errors import closest, sections, sentence, unknown
from observer.config.settings import Settings
from observer.model.errors import ConfigError

PREFIX = "OBSERVER_"
# Variables that other parts of the project read: the directory of the local stack, and the image of stack/compose.yaml.
OTHER_VARIABLES = ("OBSERVER_STACK_DIR", "OBSERVER_IMAGE")
_TEXT = (str, str | None, SecretStr, SecretStr | None)

# The cluster in stack/; its addresses are the same as processes and in Docker. "postgres" is the password that the
# stack sets for a cluster that listens on loopback only and exists to be broken.
STACK: Mapping[str, Mapping[str, Any]] = {
    "cluster": {"scope": "demo"},
    "etcd": {"endpoints": ["127.0.0.1:23791", "127.0.0.1:23792", "127.0.0.1:23793"]},
    "patroni": {"members": {f"patroni{n}": f"http://127.0.0.1:801{n}" for n in (1, 2, 3)}},
    "postgres": {"members": {f"patroni{n}": f"host=127.0.0.1 port=1543{n}" for n in (1, 2, 3)}},
    "haproxy": {"stats": ["http://127.0.0.1:7001/"], "inter_ms": 3000, "rise": 2},
    "traffic": {
        "write": "host=127.0.0.1 port=5001 user=postgres password=postgres dbname=postgres",
        "read": "host=127.0.0.1 port=5002 user=postgres password=postgres dbname=postgres",
    },
}


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a file, or of ./observer.toml if it exists; OBSERVER_* variables override it.

    The defaults are the addresses of stack/. They do not apply if the file or the environment names etcd endpoints.
    Raise ConfigError.
    """
    if path is None and Path("observer.toml").exists():
        path = Path("observer.toml")
    given = _read(path) if path is not None else {}
    variables = _overrides(environment)
    for (section, option), name in variables.items():
        table = given.setdefault(section, {})
        if isinstance(table, dict):
            table[option] = _value(section, option, environment[name])
    names_etcd = isinstance(given.get("etcd"), dict) and bool(given["etcd"].get("endpoints"))
    merged: dict[str, Any] = {} if names_etcd else {name: dict(values) for name, values in STACK.items()}
    for section, values in given.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{_origin(path)}: {section} stands outside a [section]; put it into one.")
        if section not in sections():
            raise ConfigError(f"{_origin(path)}: {unknown([section])}")
        merged[section] = {**merged.get(section, {}), **values}
    try:
        return Settings(**merged, source=path)
    except ValidationError as error:
        location = error.errors(include_url=False)[0]["loc"]
        variable = variables.get((str(location[0]), str(location[1]))) if len(location) > 1 else None
        raise ConfigError(f"{variable or _origin(path)}: {sentence(error)}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; write one with `observer init -o {path}`.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); check the path, its permissions and UTF-8.") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.") from None


def _overrides(environment: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Return the variable that sets each option, by section and option. Raise ConfigError for an unknown variable."""
    known = {
        f"{PREFIX}{section}_{option}".upper(): (section, option)
        for section, model in sections().items()
        for option in model.model_fields
    }
    found = {}
    for name in sorted(name for name in environment if name.startswith(PREFIX) and name not in OTHER_VARIABLES):
        if name not in known:
            near = closest(name.removeprefix(PREFIX), [v.removeprefix(PREFIX) for v in (*known, *OTHER_VARIABLES)])
            remedy = (
                f"write {PREFIX}{near}, or unset it"
                if near
                else "unset it (docs/reference/configuration.md lists all options)"
            )
            raise ConfigError(f"unknown environment variable {name}; {remedy}.")
        found[known[name]] = name
    return found


def _value(section: str, option: str, text: str) -> Any:
    """Return the value of a variable: text for an option that is text, else TOML, or text if it is not TOML."""
    if sections()[section].model_fields[option].annotation not in _TEXT:  # a password of digits is not a number
        with suppress(tomllib.TOMLDecodeError):
            return tomllib.loads(f"value = {text}")["value"]
    return text


def _origin(path: Path | None) -> str:
    return str(path) if path is not None else "settings"
