"""What the doctor found: about what, whether it is well, what that means and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

FOREIGN_FILE, NOTHING_ANSWERS, CANNOT_WRITE, CREDENTIALS, CONFIGURATION = 65, 69, 73, 77, 78
ORDER = (CONFIGURATION, CREDENTIALS, NOTHING_ANSWERS, CANNOT_WRITE, FOREIGN_FILE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `well`; `note`: a recording can begin, but mind this; `bad`: to be mended.

    `exit_code` is that of a bad one: 65 a foreign file, 69 nothing answers, 73 cannot be written, 77 refused,
    78 configured wrongly.
    """

    about: str
    verdict: Literal["well", "note", "bad"]
    says: str
    means: str = ""
    mend: str = ""
    exit_code: int = 0


def well(about: str, says: str) -> Finding:
    """As it should be."""
    return Finding(about, "well", says)


def note(about: str, says: str, means: str, mend: str) -> Finding:
    """Something to know."""
    return Finding(about, "note", says, means, mend)


def bad(about: str, exit_code: int, says: str, means: str, mend: str) -> Finding:
    """Something to mend."""
    return Finding(about, "bad", says, means, mend, exit_code)


def unanswered(about: str, how: str, error: str, mend: str, elsewhere: bool = False) -> Finding:
    """Something that did not answer. `elsewhere`: its address comes from etcd, and may be one of another network."""
    means = {
        "refused": "the host is there, and nothing listens on that port",
        "unreachable": "no way leads to that address from this machine",
        "connect_timeout": "nobody takes the connection: a host that is off, a firewall, or an address of elsewhere",
        "silent": "it takes connections and does not answer: it is frozen, or another service",
        "closed": "it hangs up: it wants TLS, or it is another service",
        "unresolved": "this machine does not know that name",
    }.get(how, "it answers with an error")
    if "WRONG_VERSION_NUMBER" in error or "record layer failure" in error:
        means, mend = "it does not speak TLS", f"write http:// instead of https://; {mend}"
    elif "CERTIFICATE_VERIFY_FAILED" in error:
        means, mend = "its certificate is not trusted here", f"name the CA's file as ca; {mend}"
    elif elsewhere and how in ("unreachable", "connect_timeout", "unresolved"):
        means = f"{means}; etcd gives this address, which may exist only inside Docker or another network"
    return bad(about, NOTHING_ANSWERS, f"{how.replace('_', ' ')} ({error})", means, mend)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 where nothing is bad, else the code of what has to be mended first: configuration, credentials, the rest."""
    found = {finding.exit_code for finding in findings if finding.verdict == "bad"}
    return next((code for code in ORDER if code in found), 0)


def lines(findings: Sequence[Finding]) -> list[str]:
    """What a person reads: a line for each, and below what is not well what it means and how to mend it."""
    size = max((len(finding.about) for finding in findings), default=0)
    text: list[str] = []
    for finding in findings:
        mark = {"well": "well", "note": "note", "bad": "BAD "}[finding.verdict]
        text.append(f"{mark}  {finding.about:<{size}}  {finding.says}")
        if finding.means:
            text.append(f"{'':<{size + 8}}means: {finding.means}")
        if finding.mend:
            text.append(f"{'':<{size + 8}}mend:  {finding.mend}")
    count = sum(finding.verdict == "bad" for finding in findings)
    text.append(f"{count} to mend." if count else "Nothing to mend.")
    return text
