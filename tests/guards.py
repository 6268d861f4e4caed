"""Memory for a result in which every number that a kernel leaves out, or writes beside it, is seen."""

import numpy as np

BAND = 64


def _poison(dtype: np.dtype):
    return np.nan if dtype.kind == "f" else 255


def guarded(shape: tuple[int, ...], dtype) -> tuple[np.ndarray, np.ndarray]:
    """An array for `out`, and the memory around it with a band before and after; all NaN (255 for integers)."""
    size = int(np.prod(shape))
    memory = np.full(size + 2 * BAND, _poison(np.dtype(dtype)), dtype)
    return memory[BAND : BAND + size].reshape(shape), memory


def assert_guards_stand(memory: np.ndarray) -> None:
    """Nothing was written to the bands, and what lies between holds no NaN."""
    np.testing.assert_array_equal(memory[:BAND], _poison(memory.dtype))
    np.testing.assert_array_equal(memory[memory.size - BAND :], _poison(memory.dtype))
    assert not np.isnan(memory[BAND : memory.size - BAND]).any()
