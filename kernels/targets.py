"""Where kernels run. Today: the CPU. Never a silent fall-back: a target that is not there is an error."""

import warnings

TARGETS = ("cpu",)


def require(target: str) -> None:
    """ValueError, saying what there is and what to do, unless kernels can run on `target` here."""
    if target not in TARGETS:
        raise ValueError(f"target {target!r} is not available: this version has kernels for {', '.join(TARGETS)} only")


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
