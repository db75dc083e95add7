"""One finding of `observer doctor`: the component, the level, what was found, what it means and the remedy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

FOREIGN_FILE, NOTHING_ANSWERS, CANNOT_WRITE, CREDENTIALS, CONFIGURATION = 65, 69, 73, 77, 78
ORDER = (CONFIGURATION, CREDENTIALS, NOTHING_ANSWERS, CANNOT_WRITE, FOREIGN_FILE)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. A recording can begin in spite of a "note"; an "error" must be fixed.

    `title` is what was found. `exit_code` belongs to an error: 65 foreign file, 69 nothing answers, 73 cannot be
    written, 77 credentials refused, 78 wrong configuration.
    """

    component: str
    level: Literal["ok", "note", "error"]
    title: str
    meaning: str = ""
    remedy: str = ""
    exit_code: int = 0


def ok(component: str, title: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding(component, "ok", title)


def note(component: str, title: str, meaning: str, remedy: str) -> Finding:
    """Return a finding that does not prevent a recording."""
    return Finding(component, "note", title, meaning, remedy)


def error(component: str, exit_code: int, title: str, meaning: str, remedy: str) -> Finding:
    """Return a finding that must be fixed."""
    return Finding(component, "error", title, meaning, remedy, exit_code)


def unanswered(component: str, how: str, message: str, remedy: str, from_etcd: bool = False) -> Finding:
    """Return the finding for a component that did not answer. `from_etcd`: its address comes from etcd."""
    meaning = {
        "refused": "the host is up, and nothing listens on that port",
        "unreachable": "this machine has no route to that address",
        "connect_timeout": "the connection timed out: the host is down, a firewall drops packets, or the address "
        "belongs to another network",
        "silent": "it accepts connections and does not answer: it is frozen, or it is another service",
        "closed": "it closes the connection: it requires TLS, or it is another service",
        "unresolved": "this machine cannot resolve that name",
    }.get(how, "it answers with an error")
    if "WRONG_VERSION_NUMBER" in message or "record layer failure" in message:
        meaning, remedy = "it does not speak TLS", f"write http:// instead of https://; {remedy}"
    elif "CERTIFICATE_VERIFY_FAILED" in message:
        meaning, remedy = "its certificate is not trusted here", f"set ca to the CA's file; {remedy}"
    elif from_etcd and how in ("unreachable", "connect_timeout", "unresolved"):
        meaning = f"{meaning}; the address comes from etcd and may exist only inside Docker or another network"
    return error(component, NOTHING_ANSWERS, f"{how.replace('_', ' ')} ({message})", meaning, remedy)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 without errors, else the exit code of the error to fix first, in the order of ORDER."""
    codes = {finding.exit_code for finding in findings if finding.level == "error"}
    return next((code for code in ORDER if code in codes), 0)


def lines(findings: Sequence[Finding]) -> list[str]:
    """Return the findings as text: one line for each, its meaning and its remedy below it, and a summary."""
    size = max((len(finding.component) for finding in findings), default=0)
    text: list[str] = []
    for finding in findings:
        mark = "ERROR" if finding.level == "error" else finding.level
        text.append(f"{mark:<5}  {finding.component:<{size}}  {finding.title}")
        if finding.meaning:
            text.append(f"{'':<{size + 9}}meaning: {finding.meaning}")
        if finding.remedy:
            text.append(f"{'':<{size + 9}}remedy:  {finding.remedy}")
    count = sum(finding.level == "error" for finding in findings)
    text.append(f"{count} error{'s' if count > 1 else ''} to fix." if count else "Nothing to fix.")
    return text


def as_json(findings: Iterable[Finding]) -> list[dict[str, str | int]]:
    """Return the findings as plain dictionaries: level, component, title, meaning, remedy and exit_code."""
    keys = ("level", "component", "title", "meaning", "remedy", "exit_code")
    return [{key: getattr(finding, key) for key in keys} for finding in findings]
