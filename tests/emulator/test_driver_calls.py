"""What our code asks of numba-cuda on a GPU is there in the installed version, and takes the arguments that we give.

Read from both sides' source: no driver is needed. What numba-cuda then does with it, only its driver can show.
"""

import ast
import ctypes
import inspect
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from cuda.bindings import driver as bindings
from numba.cuda import api, device_init, dispatcher
from numba.cuda.cudadrv import driver
from numba.cuda.cudadrv.devicearray import DeviceNDArray

from benchmarks import gpu_check, gpu_clock
from kernels import device, targets, toolchain

# the names that stand for numba-cuda's things in our code -> where their attributes are looked up
MODULE, ARRAY, DEVICE, EVENT = "module", "array", "device", "event"
OURS = {
    (device.NumbaCuda, "self.cuda"): MODULE,
    (device.NumbaCuda, "to"): ARRAY,
    (device.NumbaCuda, "source"): ARRAY,
    (device.NumbaCuda, "data"): ARRAY,
    (device.NumbaCuda, "device"): DEVICE,
    (device.DeviceArray, "self.data"): ARRAY,
    (gpu_clock.events, "cuda"): MODULE,
    (gpu_clock.events, "start"): EVENT,
    (gpu_clock.events, "end"): EVENT,
    (targets.missing, "toolchain.numba_cuda()"): MODULE,
    (gpu_check.driver, "toolchain.numba_cuda()"): MODULE,
}
FUNCTIONS = {
    (MODULE, "device_array"): api.device_array,
    (MODULE, "synchronize"): api.synchronize,
    (MODULE, "get_current_device"): api.get_current_device,
    (MODULE, "is_available"): device_init.is_available,
    (MODULE, "event"): api.event,
    (ARRAY, "copy_to_device"): DeviceNDArray.copy_to_device,
    (ARRAY, "copy_to_host"): DeviceNDArray.copy_to_host,
    (ARRAY, "reshape"): DeviceNDArray.reshape,
    (EVENT, "record"): driver.Event.record,
    (EVENT, "synchronize"): driver.Event.synchronize,
    (EVENT, "elapsed_time"): driver.Event.elapsed_time,
}
SIMULATOR = ("_ary",)  # of its own arrays only


def used() -> list[tuple[str, str, ast.Call | None]]:
    """(kind, attribute, the call of it if there is one) of all that our code takes from numba-cuda."""
    found = []
    for (where, name), kind in OURS.items():
        tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(where)))
        calls = {id(n.func): n for n in ast.walk(tree) if isinstance(n, ast.Call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == name:
                found.append((kind, node.attr, calls.get(id(node))))
    return [f for f in found if f[1] not in SIMULATOR]


USED = used()


def test_every_name_of_ours_is_in_use():
    assert len({(k, a) for k, a, _ in USED}) > 20
    for (where, name), _ in OURS.items():
        assert f"{name}." in inspect.getsource(where), (where, name)


@pytest.mark.parametrize(
    ("kind", "name", "call"), [u for u in USED if u[2]], ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_call_fits_the_signature(kind, name, call):
    function = FUNCTIONS[kind, name]
    if kind == MODULE:
        assert getattr(toolchain.numba_cuda(), name) is function
    given = [None] * len(call.args)
    options = {k.arg: None for k in call.keywords}
    inspect.signature(function).bind(*([] if kind == MODULE else ["self"]), *given, **options)


def test_a_devices_attributes_are_the_drivers():
    """numba-cuda asks the driver for CU_DEVICE_ATTRIBUTE_<name> when a Device has no field of that name."""
    fields = {"name", "compute_capability"}  # of Device.__init__
    assert all(f"self.{f} = " in inspect.getsource(driver.Device.__init__) for f in fields)
    assert "CU_DEVICE_ATTRIBUTE_{attr}" in inspect.getsource(driver.Device.__getattr__)
    asked = {name for kind, name, _ in USED if kind == DEVICE} - fields
    assert len(asked) == 5
    for name in asked:
        assert hasattr(bindings.CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")


def test_an_arrays_attributes_are_there():
    plain = {name for kind, name, call in USED if kind == ARRAY and not call}
    assert plain == {"shape", "dtype", "__cuda_array_interface__"}
    array = DeviceNDArray.__new__(DeviceNDArray)
    array.shape, array.strides, array.dtype, array.stream = (2, 3), (12, 4), np.dtype("f4"), 0
    array.gpu_data = SimpleNamespace(device_ctypes_pointer=ctypes.c_void_p(4096))
    array.alloc_size = 24
    assert array.__cuda_array_interface__["data"][0] == 4096
    assert "__getitem__" in dir(DeviceNDArray)  # DeviceArray.part slices it


def test_the_version_is_joined_from_numbers():
    assert "driver.get_version())" in inspect.getsource(gpu_check.driver)
    assert not inspect.signature(driver.get_version).parameters
    assert "return (major, minor)" in inspect.getsource(driver.Driver.get_version)


def test_a_launch_is_configured_by_grid_and_block():
    assert "kernel[grid, block](*arguments)" in inspect.getsource(device.NumbaCuda.launch)
    inspect.signature(dispatcher.CUDADispatcher.__getitem__).bind("self", (1, 1))
    inspect.signature(dispatcher.CUDADispatcher.configure).bind("self", 1, 2)


def test_the_pinned_range_is_the_version_that_was_read():
    import numba_cuda

    text = (Path(device.__file__).parents[1] / "pyproject.toml").read_text()
    assert "numba-cuda[cu13]>=0.30,<0.31" in text
    assert numba_cuda.__version__.startswith("0.30.")
