"""Errors for the user: one sentence each, with the exit code of the command."""


class ObserverError(Exception):
    """One sentence with the name, the value and the remedy; `exit_code` is the command's."""

    exit_code = 70


class UsageError(ObserverError):
    """An unknown argument or option."""

    exit_code = 64


class ForeignDatabase(ObserverError):
    """The file is not a recording file of ours, or is damaged; nothing was written to it."""

    exit_code = 65


class NotFound(ObserverError):
    """The file or the recording does not exist."""

    exit_code = 66


class NothingAnswers(ObserverError):
    """No cluster answers, or no recording is running."""

    exit_code = 69


class CannotWrite(ObserverError):
    """The file cannot be written, now or at all."""

    exit_code = 73


class CredentialsRefused(ObserverError):
    """A server refused the user or the password."""

    exit_code = 77


class ConfigError(ObserverError):
    """The configuration cannot be used."""

    exit_code = 78
