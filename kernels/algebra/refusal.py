"""The error for a kernel that cannot be run in another arithmetic."""


class NotAlgebraicError(ValueError):
    """The kernel does with its numbers what no polynomial does."""
