"""Where kernels run. Today: the CPU. Never a silent fall-back: a target that is not there is an error."""

TARGETS = ("cpu",)


def require(target: str) -> None:
    """ValueError, saying what there is and what to do, unless kernels can run on `target` here."""
    if target not in TARGETS:
        raise ValueError(f"target {target!r} is not available: this version has kernels for {', '.join(TARGETS)} only")


def threading_layer() -> str:
    """Numba's threading layer in use ("tbb", "omp", "workqueue"); "none yet" before the first parallel kernel ran."""
    import numba

    try:
        return numba.threading_layer()
    except ValueError:
        return "none yet"
