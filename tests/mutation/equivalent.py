"""Survivors that compute the same results as the original, each with the reason why; they do not count."""

EQUIVALENT: dict[str, str] = {}
