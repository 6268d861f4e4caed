"""What a launch passes on the emulator is what numba-cuda's own launch passes: held against its code, without a driver.

Its arrays get an address that nobody reads.
"""

import ctypes
from contextlib import nullcontext

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import typeof
from numba.cuda.cudadrv import devices
from numba.cuda.cudadrv.devicearray import DeviceNDArray
from numba.cuda.dispatcher import _Kernel

from kernels.conv2d.cuda import axis
from kernels.cuda.correlate import sizes
from kernels.device import DeviceArray
from kernels.emulator.arguments import bind
from kernels.emulator.compile import signature

START = 1 << 40


class Memory:
    """As much of a device's memory as an array asks of it."""

    def __init__(self, start, size):
        self.start, self.size = start, size
        self.device_ctypes_pointer = ctypes.c_void_p(start)

    def view(self, start, stop=None):
        return Memory(self.start + start, (self.size if stop is None else stop) - start)


@pytest.fixture
def on_gpu(monkeypatch):
    """Makes the device array that numba-cuda would make like a NumPy array."""
    monkeypatch.setattr(devices._runtime, "ensure_context", nullcontext)
    return lambda a: DeviceNDArray(a.shape, a.strides, a.dtype, gpu_data=Memory(START, a.nbytes))


def words(arguments):
    """What numba-cuda's launch hands to the driver, as numbers."""
    kernel, out = object.__new__(_Kernel), []
    kernel.extensions = []
    for a in arguments:
        kernel._prepare_args(a._numba_type_ if isinstance(a, DeviceNDArray) else typeof(a), a, 0, [], out)
    return [bits(v) for v in out]


def bits(value):
    if isinstance(value, (ctypes.c_float, ctypes.c_double)):
        return int.from_bytes(bytes(value), "little")
    value = getattr(value, "value", value)
    return int(value) & 0xFFFFFFFFFFFFFFFF


def test_arrays_numbers_and_tuples_are_passed_alike(on_gpu):
    along = axis(5, 1, 1, 0, 5, 1, 0, 5)
    g = sizes(along, along, 1, (1, 1), (4, 4), 1, 1, 1)
    numbers = np.int32(-3), 5, 2.5, np.float32(1.5), True, g, np.uint32(7), (np.int32(1), (2, 3))
    x = np.zeros((4, 6, 8), np.float32)
    ours = bind((x, *numbers), [str(i) for i in range(len(numbers) + 1)])[1]
    theirs = words((on_gpu(x), *numbers))
    assert theirs[4] == START
    ours[4] = START
    assert theirs == ours


@pytest.mark.parametrize("shape", [(4, 6, 8), (5,), (), (1, 1, 3), (2, 1)])
def test_arrays_have_the_same_type(on_gpu, shape):
    x = np.zeros(shape, np.float32)
    assert (on_gpu(x)._numba_type_,) == signature((x,))


def test_a_part_of_a_device_array_is_the_same_memory(on_gpu):
    x = DeviceArray(on_gpu(np.zeros((4, 6, 8), np.float32)), "cuda")
    part = x.reshape(-1).part(16, (2, 8))
    assert (part.shape, part.target, part.data.gpu_data.start) == ((2, 8), "cuda", START + 4 * 16)
    assert part.data._numba_type_.layout == "C"
    assert x.reshape(24, -1).shape == (24, 8)
    assert DeviceArray(on_gpu(np.zeros((), np.float32)), "cuda").reshape(1).shape == (1,)
