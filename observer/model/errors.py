"""What can go wrong in front of a person: one sentence each, and the exit code that goes with it."""

from __future__ import annotations


class ObserverError(Exception):
    """One sentence that names the thing, the value and the mend; `exit_code` is what the command ends with."""

    exit_code = 70


class UsageError(ObserverError):
    """The command was called with something it does not know."""

    exit_code = 64


class ForeignDatabase(ObserverError):
    """The file is not a timeline of ours, or is damaged; nothing was written to it."""

    exit_code = 65


class NotFound(ObserverError):
    """There is no such file, or no such recording in it."""

    exit_code = 66


class NothingAnswers(ObserverError):
    """Nobody is there: no cluster answers, or nothing records."""

    exit_code = 69


class CannotWrite(ObserverError):
    """The file cannot be written, now or at all."""

    exit_code = 73


class CredentialsRefused(ObserverError):
    """Somebody answered and refused the user or the password."""

    exit_code = 77


class ConfigError(ObserverError):
    """The configuration cannot be used."""

    exit_code = 78
