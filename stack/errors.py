"""The one error of the stack."""


class StackError(Exception):
    """The cluster cannot be brought up, broken or taken down; the text is one sentence with the thing and the mend."""
