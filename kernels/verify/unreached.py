"""Lines of compiled code that no problem can reach, each with the reason. `python -m kernels.verify.paths` prints them.

A line is named by its file below kernels/ and its text, which an edit elsewhere in the file does not change. A reason
for a line that is reached, or that is gone, is an error: `paths` and the tests report it.
"""

REASONS: dict[tuple[str, str], str] = {}
