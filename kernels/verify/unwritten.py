"""Memory that nobody has written holds other numbers at every call: a result that changes with them is found."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from kernels.verify.implementation import FromFile
from kernels.verify.problem import Operation, Problem, as_tuple
from kernels.verify.properties import Implementation, Measured, call, raise_other_bits

UNWRITTEN = "memory that was never written makes no difference"
FILLS = (0x7F, 0xFE)  # bytes: 3e38 and -2e38 in float32; as places in an array, far outside
SMALL = range(24, 1033, 16)  # sizes of memory, in bytes, that each thread of the C library keeps for itself
KEPT = 7  # pieces of each such size
_PERTURB = -6  # glibc's M_PERTURB


def unwritten(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check that the same bits come out whatever memory held that results and temporary arrays are made of."""
    expected = as_tuple(call(op, impl, name, p))
    for fill in FILLS:
        more = {} if isinstance(impl, FromFile) or name == "update" else {"out": filled(expected, fill)}
        with allocations_filled(fill):
            given = as_tuple(call(op, impl, name, p, more))
        raise_other_bits(UNWRITTEN, op, name, given, expected)
    return Measured()


def filled(like: tuple[np.ndarray, ...], fill: int) -> np.ndarray | tuple[np.ndarray, ...]:
    """Return arrays like some results, to be passed as `out`, of which every byte is the same."""
    made = tuple(np.frombuffer(bytearray([fill]) * r.nbytes, r.dtype).reshape(r.shape) for r in like)
    return made if len(made) > 1 else made[0]


@contextmanager
def allocations_filled(fill: int) -> Iterator[None]:
    """Within this, memory that compiled code allocates is full of one byte.

    The C library's large pieces are, if it is glibc; those small ones are that this thread has freed, in any.
    """
    library = ctypes.CDLL(None)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    pieces = [library.malloc(size) for size in SMALL for _ in range(KEPT)]
    for size, at in zip((s for s in SMALL for _ in range(KEPT)), pieces, strict=True):
        ctypes.memset(at, fill, size)
    for at in pieces:
        library.free(at)
    perturb = getattr(library, "mallopt", lambda what, value: 0)
    perturb(_PERTURB, fill ^ 0xFF)
    try:
        yield
    finally:
        perturb(_PERTURB, 0)
