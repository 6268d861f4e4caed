"""How long idle threads stay awake between two kernels.

OpenMP's threads spin for milliseconds before they sleep. Where nothing else runs, that is quick. Beside any other busy
program it is a disaster: the spinning threads use up their share of the processor, and the next kernel waits until the
scheduler gives them one again, 4 to 12 ms for each kernel. So they spin for some microseconds, then sleep.

libgomp reads the setting once, when it is loaded: a library that shares it and is loaded later (PyTorch, say) has short
spins too. Where another library's speed matters, import that one first.
"""

import os
from importlib import import_module

SPINS = "1000"  # turns of the waiting loop


def load_openmp() -> None:
    """Load Numba's OpenMP pool under this setting, which libgomp reads once; a setting of the user's stands."""
    if "OMP_WAIT_POLICY" in os.environ or "GOMP_SPINCOUNT" in os.environ:
        return
    os.environ["GOMP_SPINCOUNT"] = SPINS
    try:
        import_module("numba.np.ufunc.omppool")  # loading it is the point
    except ImportError:
        return  # no OpenMP here: Numba takes another pool, and targets.warn_of_slow_threads tells
    finally:
        del os.environ["GOMP_SPINCOUNT"]  # not for child processes
