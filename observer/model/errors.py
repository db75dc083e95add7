"""Errors for the user: one sentence each, with the exit code of the command."""


class ObserverError(Exception):
    """One sentence with the name, the value and the remedy; `exit_code` is the command's."""

    exit_code = 70

    def __init_subclass__(cls, exit_code: int | None = None) -> None:
        cls.exit_code = exit_code or cls.exit_code


class UsageError(ObserverError, exit_code=64):
    """An unknown argument or option."""


class ForeignDatabase(ObserverError, exit_code=65):
    """The file is not a recording file of ours, or is damaged; nothing was written to it."""


class NotFound(ObserverError, exit_code=66):
    """The file or the recording does not exist."""


class NothingAnswers(ObserverError, exit_code=69):
    """No cluster answers, or no recording is running."""


class CannotWrite(ObserverError, exit_code=73):
    """The file cannot be written, now or at all."""


class CredentialsRefused(ObserverError, exit_code=77):
    """A server refused the user or the password."""


class ConfigError(ObserverError, exit_code=78):
    """The configuration cannot be used."""
