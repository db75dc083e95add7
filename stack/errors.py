"""The error of this package."""


class StackError(Exception):
    """An operation on the cluster failed. The text is one sentence: what failed, the value, and the remedy."""
