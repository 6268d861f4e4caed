"""Does this machine have the matrix unit, and may this process use it? Asked before any of its instructions runs.

The tiles' registers hold 8 KiB, which Linux saves at every switch of threads only for processes that asked for it. In a
process that did not ask, the first instruction ends it (SIGILL). Threads and forked children inherit the permission; a
new program, such as a spawned worker, asks again.
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18; Linux, x86/xstate.rst.
"""

import ctypes
import platform
import sys
from functools import cache
from pathlib import Path

FEATURES = ("amx_tile", "amx_bf16")  # as Linux names them; LLVM writes amx-tile
_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18


@cache
def missing() -> str | None:
    """Return what this machine or process lacks for the matrix unit, or None once the permission is given."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"it needs Linux on x86-64, and this is {sys.platform} on {platform.machine()}"
    lacking = [name for name in FEATURES if name not in _processor_features()]
    if lacking:
        return f"this processor lacks {' and '.join(lacking)}"
    lacking = [name for name in FEATURES if f"+{name.replace('_', '-')}" not in _compiler_features()]
    if lacking:
        return f"Numba compiles for a processor without {' and '.join(lacking)} (NUMBA_CPU_NAME, NUMBA_CPU_FEATURES)"
    error = _ask_for_tiles()
    return f"Linux does not give this process the tiles' registers ({error})" if error else None


def require(operation: str, variant: str) -> None:
    """Raise RuntimeError, naming the feature that is missing, unless the matrix unit can be used here."""
    lacks = missing()
    if lacks is not None:
        raise RuntimeError(
            f"{operation}: variant {variant!r} needs Intel's matrix unit, AMX ({' and '.join(FEATURES)}): {lacks}. "
            "Use variant='cpu'"
        )


def _processor_features() -> list[str]:
    """Return the features that Linux lists, which it has enabled; [] if it lists none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
    return next((line.split(":")[1].split() for line in lines if line.startswith("flags")), [])


def _compiler_features() -> list[str]:
    """Return the features that Numba's code may use."""
    from numba.core.registry import cpu_target

    return cpu_target.target_context.codegen().magic_tuple()[2].split(",")


def _ask_for_tiles() -> str | None:
    """Ask Linux for the tiles' registers, for all threads of this process; return its error, if there is one."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA) == 0:
        return None
    import os

    return os.strerror(ctypes.get_errno())
