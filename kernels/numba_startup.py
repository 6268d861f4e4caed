"""Numba's array functions without SciPy's linear algebra: 13 MB and an eighth of a second less in every process.

When Numba loads them it imports all of scipy.linalg, only to see whether a BLAS is there. Our kernels use none. It is
told that there is one: code of the user's that needs it imports SciPy then, as Numba does everywhere else.
"""

import sys
from importlib import import_module
from importlib.util import find_spec

_BLAS = "scipy.linalg.cython_blas"
_LOOKS = "numba.np.arraymath"  # the module that looks for it


def load_array_functions() -> None:
    """Import Numba's array functions; what is loaded already stays as it is."""
    if _LOOKS in sys.modules or _BLAS in sys.modules:
        return
    there = find_spec("scipy") is not None
    sys.modules[_BLAS] = None  # type: ignore[assignment]  # Python's way to say that a module cannot be imported
    try:
        module = import_module(_LOOKS)
    finally:
        del sys.modules[_BLAS]
    module._HAVE_BLAS = there  # type: ignore[attr-defined]
