"""Where kernels run: the CPU, a GPU, the emulator of one. Never a silent fall-back: what is not there is an error."""

import warnings
from math import prod
from typing import Any

import numpy as np

from kernels import device, toolchain
from kernels.cpu.cache_line import LINE
from kernels.device import DeviceArray

# target -> what the names of its variants begin with
FAMILIES = {"cpu": "cpu", "cuda": "cuda", "cuda-emulated": "cuda", "simulated": "cuda"}
TARGETS = tuple(FAMILIES)

Array = np.ndarray | DeviceArray


def missing(target: str) -> str | None:
    """What `target` needs that is not there, and what to do; None if kernels can run on it. ValueError if unknown."""
    if target not in FAMILIES:
        raise ValueError(f"there is no target {target!r}; choose of: {', '.join(TARGETS)}")
    if target == "cpu":
        return None
    instead = "Use 'cpu'"
    if target == "cuda":
        instead += ", or 'cuda-emulated' to execute the compiled kernel on the CPU with every access checked"
    needs = {
        "cuda": "'cuda' needs an NVIDIA GPU and the [cuda] extra",
        "cuda-emulated": "'cuda-emulated' needs the [cuda] extra (and no GPU)",
        "simulated": "'simulated' needs the [cuda] extra and a process with NUMBA_ENABLE_CUDASIM=1",
    }[target]
    if not toolchain.has_compiler():
        return f"{needs}: numba-cuda is not installed (pip install 'formula-convnet[cuda]'). {instead}."
    if toolchain.simulated() != (target == "simulated"):
        state = "is set: unset it and start anew" if toolchain.simulated() else "is not set"
        return f"{needs}: NUMBA_ENABLE_CUDASIM {state}. {instead}."
    if target == "cuda" and not toolchain.numba_cuda().is_available():
        return f"{needs}: no driver found. {instead}."
    return None


def available() -> dict[str, str | None]:
    """Every target, and what it lacks here; None for those that kernels can run on."""
    return {target: missing(target) for target in TARGETS}


def require(target: str) -> None:
    """RuntimeError, saying what is missing and what to do, unless kernels can run on `target` here."""
    lacks = missing(target)
    if lacks is not None:
        raise RuntimeError(lacks)


def home(array: Any) -> str:
    """The target in whose memory an array is."""
    return array.target if isinstance(array, DeviceArray) else "cpu"


def empty(shape: tuple[int, ...], dtype: Any, target: str) -> Any:
    """An array that nobody has written to yet; on the CPU it begins with a cache line, where NumPy's seldom do."""
    if target == "cpu":
        wanted = np.dtype(dtype)
        size = prod(shape) * wanted.itemsize
        raw = np.empty(size + LINE, np.uint8)
        first = -raw.ctypes.data % LINE
        return raw[first : first + size].view(wanted).reshape(shape)
    require(target)
    return DeviceArray(device.backend(target).empty(tuple(shape), dtype), target)


def empty_like(array: Any) -> Any:
    """An array of the same shape and dtype at the same place."""
    return empty(array.shape, array.dtype, home(array))


def zeros(shape: tuple[int, ...], dtype: Any, target: str) -> Any:
    """An array of zeros."""
    if target == "cpu":
        made = empty(shape, dtype, target)
        made.fill(0)
        return made
    return to_device(np.zeros(shape, dtype), target)


def to_device(array: np.ndarray, target: str) -> Any:
    """A copy of a NumPy array in the target's memory; of its own, also for "cpu". RuntimeError if it is not there."""
    copied = empty(array.shape, array.dtype, target)
    copy(copied, array)
    return copied


def to_host(array: Any) -> np.ndarray:
    """A copy as a NumPy array."""
    copied = np.empty(array.shape, array.dtype)
    copy(copied, array)
    return copied


def copy(to: Any, source: Any) -> None:
    """Overwrite `to` by `source`, of the same shape and dtype, wherever they are."""
    if to.shape != source.shape or to.dtype != source.dtype:
        raise ValueError(
            f"targets.copy: {source.dtype} of {source.shape} does not fit into {to.dtype} of {to.shape}: "
            "shape and dtype must be the same"
        )
    places = home(to), home(source)
    if places == ("cpu", "cpu"):
        np.copyto(to, source)
    elif not to.size:
        return
    elif places[0] == "cpu":
        device.backend(places[1]).to_host(to, source.data)
    elif places[1] == "cpu":
        device.backend(places[0]).to_device(to.data, source)
    elif places[0] == places[1]:
        device.backend(places[0]).copy(to.data, source.data)
    else:
        raise ValueError(f"targets.copy: from {places[1]!r} to {places[0]!r} only by way of the host: targets.to_host")


def synchronize(target: str) -> None:
    """Wait until the target has done all that was launched on it."""
    if target != "cpu":
        device.backend(target).synchronize()


def properties(target: str) -> dict[str, Any]:
    """What is known of a target's device: its name, and its compute capability where it has one."""
    require(target)
    return {"name": "NumPy's memory, Numba's threads"} if target == "cpu" else device.backend(target).properties()


def warn_of_slow_threads() -> None:
    """A RuntimeWarning if Numba runs on its fall-back threads.

    They take longer to start by far, and abort the process if two Python threads call kernels at once.
    """
    if threading_layer() == "workqueue":
        warnings.warn(
            "formula-convnet: Numba uses its slow fall-back threads ('workqueue'), since it finds no OpenMP: install "
            "libgomp (Debian, Ubuntu: apt-get install libgomp1) or Intel's TBB (pip install tbb)",
            RuntimeWarning,
            stacklevel=2,
        )


def threading_layer() -> str:
    """Numba's threading layer in use ("tbb", "omp", "workqueue"); "none yet" before the first parallel kernel ran."""
    import numba

    try:
        return numba.threading_layer()
    except ValueError:
        return "none yet"
