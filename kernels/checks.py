"""Arguments into their normal form, or an error that says: operation, argument, what arrived, what was expected."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np

from kernels import registry, targets
from kernels.device import DeviceArray, overlap

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]


def array(op: str, name: str, value: Any, axes: str | None, dtypes: Sequence[np.dtype] = FLOATS) -> Any:
    """Return `value` as a C-contiguous, aligned, writable array (copied only if it is not), its rank and dtype checked.

    `axes` names the axes, a letter or word each ("N H W C"); None allows any rank. A device's array stays as it is.
    """
    fits = type(value) is np.ndarray and value.dtype in dtypes and value.flags.carray
    if fits and (axes is None or value.ndim == axes.count(" ") + 1):
        return value  # the usual case, looked at once: it is half of a small operation's time
    if not isinstance(value, (np.ndarray, DeviceArray)):
        wanted = " or ".join(str(d) for d in dtypes)
        raise TypeError(
            f"{op}: {name} must be a NumPy array of {wanted}, got {type(value).__name__}: use numpy.asarray"
        )
    if value.dtype not in dtypes:
        wanted = " or ".join(str(d) for d in dtypes)
        raise TypeError(f"{op}: {name} must be {wanted}, got {value.dtype}: use {name}.astype('{dtypes[0]}')")
    if axes is not None and value.ndim != len(axes.split()):
        letters = ",".join(axes.split())
        raise ValueError(f"{op}: {name} must have {len(axes.split())} axes ({letters}), got shape {value.shape}")
    if isinstance(value, DeviceArray):
        return value
    # one layout and no read-only arrays: Numba would compile every kernel again for each
    return value if value.flags.carray else np.require(value, requirements=["C", "A", "W"])


def kernel(op: str, variant: str, name: str, *arrays: Any) -> Callable:
    """Return the pass `name` of a variant, once it is clear that the arrays are where it runs.

    RuntimeError if its target is missing, TypeError or ValueError if the arrays are elsewhere; all say what to do.
    Nothing is moved silently.
    """
    run = registry.find(op, variant, name) if registry.family(variant) == "cpu" else None
    if run is not None and DeviceArray not in map(type, arrays):
        return run
    homes = {targets.home(a) for a in arrays if a is not None}
    if len(homes) > 1:
        raise ValueError(f"{op}: the arrays must be in one place, but they are on {' and '.join(sorted(homes))}")
    place = homes.pop()
    if run is not None:
        if place != "cpu":
            raise TypeError(
                f"{op}: variant {variant!r} runs on NumPy arrays, but these are on {place!r}: choose variant='cuda', "
                "or copy them with kernels.targets.to_host"
            )
        return run
    wanted = variant if variant in targets.TARGETS else "cuda"
    if place == "cpu":
        registry.check(op, variant)
        targets.require(wanted)
        raise TypeError(
            f"{op}: variant {variant!r} runs on device arrays, but these are NumPy's: copy them with "
            f"kernels.targets.to_device(array, {wanted!r})"
        )
    if wanted not in (place, "cuda"):
        raise ValueError(f"{op}: the arrays are on {place!r}, not on {wanted!r}: choose variant='cuda'")
    return registry.find(op, variant, name)


def same_dtype(op: str, **arrays: np.ndarray | None) -> None:
    """Raise TypeError unless all given arrays share one dtype."""
    dtypes = [a.dtype for a in arrays.values() if a is not None]
    if dtypes.count(dtypes[0]) != len(dtypes):
        given = {name: a.dtype for name, a in arrays.items() if a is not None}
        listed = ", ".join(f"{name} is {dtype}" for name, dtype in given.items())
        raise TypeError(f"{op}: all arrays must have one dtype, but {listed}")


def shape(op: str, name: str, value: np.ndarray, expected: tuple[int, ...], why: str) -> None:
    """Raise ValueError unless `value` has the expected shape; `why` says where that shape comes from."""
    if value.shape != expected:
        raise ValueError(f"{op}: {name} must have shape {expected} ({why}), got {value.shape}")


def sizes(op: str, name: str, value: Any, axes: str) -> tuple[int, ...]:
    """Return a shape given as an argument (x_shape, k_shape): non-negative integers, one for each letter of `axes`."""
    wanted = len(axes.split())
    if not isinstance(value, (tuple, list)) or len(value) != wanted or not all(_is_int(v) and v >= 0 for v in value):
        letters = ",".join(axes.split())
        raise ValueError(f"{op}: {name} must be {wanted} non-negative integers ({letters}), got {value!r}")
    return tuple(int(v) for v in value)


def output(op: str, name: str, given: Any, shape: tuple[int, ...], dtype: Any, inputs: Sequence[Any] = ()) -> Any:
    """Return the array to write a result to: a new one, or `given` once its shape, dtype and layout are right.

    It is where the inputs are, and may not overlap one: inputs are never mutated.

    op, name  the operation and the argument, named in errors
    given     what the caller passed as `out`, or None
    shape     the result's shape
    dtype     the result's dtype
    inputs    the arrays that it may not overlap
    """
    if type(given) is np.ndarray and given.shape == shape and given.dtype == dtype and given.flags.carray:
        for x in inputs:
            if x is not None and (type(x) is not np.ndarray or np.may_share_memory(given, x)):
                break  # the checks below say what is wrong
        else:
            return given
    place = targets.home(next((x for x in inputs if x is not None), None))
    if given is None:
        return targets.empty(shape, dtype, place)
    if not isinstance(given, (np.ndarray, DeviceArray)):
        raise TypeError(f"{op}: {name} must be a NumPy array, got {type(given).__name__}")
    if targets.home(given) != place:
        raise ValueError(f"{op}: {name} must be where the inputs are, on {place!r}, got {targets.home(given)!r}")
    if given.shape != shape or given.dtype != dtype:
        raise ValueError(f"{op}: {name} must be {np.dtype(dtype)} of shape {shape}, got {given.dtype} of {given.shape}")
    if isinstance(given, np.ndarray) and not given.flags.carray:  # C-contiguous, aligned and writable
        raise ValueError(f"{op}: {name} must be writable, aligned and C-contiguous: pass a fresh numpy.empty({shape})")
    if any(overlap(given, x) for x in inputs):
        raise ValueError(f"{op}: {name} overlaps an input in memory; inputs are never overwritten: pass another array")
    return given


def outputs(
    op: str, given: Any, wanted: Sequence[tuple[str, tuple[int, ...], Any]], inputs: Sequence[Any] = ()
) -> tuple:
    """Return the arrays for a result that is a tuple; `wanted` lists (name, shape, dtype)."""
    if given is None:
        given = (None,) * len(wanted)
    if not isinstance(given, tuple) or len(given) != len(wanted):
        names = ", ".join(name for name, *_ in wanted)
        raise TypeError(f"{op}: out must be a tuple of {len(wanted)} arrays ({names}), got {type(given).__name__}")
    return tuple(output(op, f"out {w[0]}", g, w[1], w[2], inputs) for g, w in zip(given, wanted, strict=True))


def scalar(L: Any, given: Any) -> Any:
    """Return a loss as a NumPy scalar; as the 0-d array itself if that was given or is on a device."""
    return L if given is not None or isinstance(L, DeviceArray) else L[()]


def deliver(op: str, result: Any, given: Any) -> Any:
    """Return the reference's float64 result as it is, or rounded into `given` (an array, or a tuple for a tuple)."""
    if given is None:
        return result
    if isinstance(result, tuple):
        spots = outputs(
            op,
            given,
            [(f"{i}", r.shape, g.dtype) for i, (r, g) in enumerate(zip(result, given, strict=True))],
        )
        for spot, r in zip(spots, result, strict=True):
            spot[...] = r
        return spots
    spot = output(op, "out", given, result.shape, given.dtype)
    spot[...] = result
    return spot


def pair(op: str, name: str, value: Any, minimum: int = 1) -> Pair:
    """Return an int or two of them, each at least `minimum`, as (vertical, horizontal)."""
    if type(value) is int and value >= minimum:
        return value, value
    both = (value, value) if _is_int(value) else value
    if not isinstance(both, (tuple, list)) or len(both) != 2 or not all(_is_int(v) and v >= minimum for v in both):
        raise ValueError(f"{op}: {name} must be an integer >= {minimum} or a pair of them, got {value!r}")
    return int(both[0]), int(both[1])


def padding(op: str, value: Any, image: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Padding:
    """Return an int, "valid", "same" or ((top, bottom), (left, right)) as the last of these.

    "same" is Keras's: total = max((ceil(H/s) - 1)*s + (P-1)*d + 1 - H, 0), top = total // 2.

    op        the operation, named in errors
    value     the padding as it was given
    image     the image's height and width
    kernel    the kernel's or window's
    stride    down and across
    dilation  down and across
    """
    if isinstance(value, str) and value == "same":
        spans = [
            max((ceil(h / s) - 1) * s + (p - 1) * d + 1 - h, 0)
            for h, p, s, d in zip(image, kernel, stride, dilation, strict=True)
        ]
        return (spans[0] // 2, spans[0] - spans[0] // 2), (spans[1] // 2, spans[1] - spans[1] // 2)
    if isinstance(value, str) and value == "valid":
        value = 0
    if _is_int(value) and value >= 0:
        return (int(value), int(value)), (int(value), int(value))
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(v, (tuple, list)) for v in value):
        return pair(op, "padding", value[0], 0), pair(op, "padding", value[1], 0)
    raise ValueError(
        f"{op}: padding must be an integer >= 0, 'valid', 'same' or ((top, bottom), (left, right)), got {value!r}"
    )


@lru_cache(maxsize=1024)
def window_count(op: str, image: Pair, kernel: Pair, stride: Pair, pad: Padding, dilation: Pair = (1, 1)) -> Pair:
    """Return how often the window fits: (H + top + bottom - d*(P-1) - 1) // s + 1, and the same across.

    op        the operation, named in errors
    image     the image's height and width
    kernel    the kernel's or window's
    stride    down and across
    pad       ((top, bottom), (left, right))
    dilation  down and across
    """
    counts = []
    for axis, h, p, s, d, (a, b) in zip("HW", image, kernel, stride, dilation, pad, strict=True):
        if p < 1:
            raise ValueError(f"{op}: the kernel must be at least 1x1, got {kernel[0]}x{kernel[1]}")
        room = h + a + b - d * (p - 1) - 1
        if room < 0:
            raise ValueError(
                f"{op}: the window does not fit: it spans {d * (p - 1) + 1} (size {p}, dilation {d}) along {axis}, "
                f"the padded image has {h + a + b}; pad more or use a larger image"
            )
        counts.append(room // s + 1)
    return counts[0], counts[1]


def integer(op: str, name: str, value: Any, minimum: int = 1) -> int:
    """Return an integer that is at least `minimum`, as an int."""
    if not _is_int(value) or value < minimum:
        raise ValueError(f"{op}: {name} must be an integer >= {minimum}, got {value!r}")
    return int(value)


def number(op: str, name: str, value: Any, low: float, high: float = float("inf"), *, below: bool = False) -> float:
    """Return a finite real number in [low, high], or in [low, high) if `below`, as a float.

    op, name   the operation and the argument, named in errors
    value      the number as it was given
    low, high  the limits
    below      True: `high` itself is too large
    """
    ok = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not ok or not low <= value <= high or (below and value == high) or not np.isfinite(value):
        bracket = ")" if below else "]"
        raise ValueError(f"{op}: {name} must be a number in [{low}, {high}{bracket}, got {value!r}")
    return float(value)


def _is_int(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))


def in_place(op: str, **states: Any) -> None:
    """Check what an optimizer overwrites: arrays of one shape and float dtype, writable, C-contiguous, disjoint.

    The first is the parameter, which gives the shape and the dtype.
    """
    first = next(iter(states.values()))
    for name, value in states.items():
        array(op, name, value, None)
        shape(op, name, value, first.shape, f"{next(iter(states))}'s shape")
        if isinstance(value, np.ndarray) and not value.flags.carray:
            raise ValueError(f"{op}: {name} is overwritten: it must be writable, aligned and C-contiguous")
    same_dtype(op, **states)
    names = list(states)
    for i, one in enumerate(names):
        for other in names[:i]:
            if overlap(states[one], states[other]):
                raise ValueError(f"{op}: {other} and {one} overlap in memory: pass separate arrays")


def real(op: str, name: str, value: Any, low: float = 0.0, below: float = float("inf")) -> float:
    """Return a number with low <= value < below, as a float."""
    if type(value) is float and low <= value < below:
        return value
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        raise TypeError(f"{op}: {name} must be a number, got {value!r}")
    if not low <= value < below:
        raise ValueError(f"{op}: {name} must be in [{low:g}, {below:g}), got {value!r}")
    return float(value)


def gradient(op: str, g: Any, **states: np.ndarray) -> np.ndarray:
    """Return an optimizer's gradient in normal form: of the parameter's shape and dtype, apart from the states."""
    name, p = next(iter(states.items()))
    given, g = g, array(op, "g", g, None)
    shape(op, "g", g, p.shape, f"{name}'s shape")
    same_dtype(op, **{name: p}, g=g)
    for name, state in states.items():
        if overlap(given, state):
            raise ValueError(f"{op}: g and {name} overlap in memory: pass separate arrays")
    return g
