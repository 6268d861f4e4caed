"""Lines of functions that Numba writes into their caller keep the name of their own file.

Numba records of each instruction only the line, in the caller's file. After `name_files`, what comes from another file
is in a scope of its own that names it. Code that was compiled before has no such names.
"""

import os
from typing import Any

from numba.core.debuginfo import DIBuilder
from numba.core.lowering import Lower

_NAMED: list[Any] = []  # what was replaced


def name_files() -> None:
    """From now on, let the compiler record of each instruction the file that it is from."""
    if _NAMED:
        return
    lowering: Any = Lower
    recording: Any = DIBuilder
    lower, mark = lowering.lower_inst, recording.mark_location
    _NAMED.extend((lower, mark))

    def lower_inst(self: Any, instruction: Any) -> None:
        self.debuginfo.file = self.loc.filename
        lower(self, instruction)

    def mark_location(self: Any, builder: Any, line: int) -> None:
        file = os.path.abspath(getattr(self, "file", self.filepath))
        if file == self.filepath or not os.path.exists(file):
            mark(self, builder, line)
            return
        folder, name = os.path.split(file)
        record = self.module.add_debug_info
        there = record("DIFile", {"directory": folder, "filename": name})
        scope = record("DILexicalBlockFile", {"scope": self.subprograms[-1], "file": there, "discriminator": 0})
        builder.debug_metadata = record("DILocation", {"line": line, "column": 1, "scope": scope})

    lowering.lower_inst, recording.mark_location = lower_inst, mark_location
