"""What can be wrong with an executor."""

from __future__ import annotations


class ExecutorError(ValueError):
    """An executor cannot be reached, lost its workers, or has workers that cannot do the work. The text says which."""
