"""The compiler for CUDA: is it installed, and does this process run Numba's simulator instead?"""

import os
from importlib.util import find_spec
from types import ModuleType


def simulated() -> bool:
    """Return True if this process has been started with Numba's simulator."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")


def has_compiler() -> bool:
    """Return True if NVIDIA's numba-cuda is installed; `numba.cuda` alone may be Numba's own, older target."""
    return find_spec("numba_cuda") is not None


def numba_cuda() -> ModuleType:
    """Return `numba.cuda`, the compiler's or the simulator's; ImportError with the remedy without numba-cuda."""
    if not has_compiler():
        raise ImportError("kernels for CUDA need numba-cuda: pip install 'formula-convnet[cuda]'")
    from numba import cuda

    return cuda
