"""The formulas that are polynomials, on integers modulo a prime: NumPy's 64-bit integers, nothing compiled by us.

Each takes a problem's arrays as integers below the prime, its arguments' shapes and settings, and returns the results.
Written from formulas.py, apart from reference.py: a window, then a product of matrices for each of its taps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Integers = np.ndarray
_HALF = 1 << 16


def product(a: Integers, b: Integers, prime: int) -> Integers:
    """Return a @ b modulo the prime (below 2^31), for sums of up to 2^16 terms at once."""
    total = np.zeros((a.shape[0], b.shape[1]), np.int64)
    for start in range(0, a.shape[1], _HALF // 2):
        left, right = a[:, start : start + _HALF // 2], b[start : start + _HALF // 2]
        high, low = (left // _HALF) @ right % prime, (left % _HALF) @ right % prime
        total = (total + high * _HALF + low) % prime
    return total


def _taps(x: tuple, k: tuple, y: tuple, s: dict[str, Any]) -> Iterator[tuple[int, int, tuple, tuple]]:
    """Yield (p, q, the pixels of x and those of y that meet there) for every tap of a window."""
    (sh, sw), (dh, dw) = s["stride"], s.get("dilation", (1, 1))
    (top, _), (left, _) = s["padding"]
    for p in range(k[0]):
        for q in range(k[1]):
            i = [i for i in range(y[1]) if 0 <= sh * i + dh * p - top < x[1]]
            j = [j for j in range(y[2]) if 0 <= sw * j + dw * q - left < x[2]]
            if i and j:
                h, w = np.array(i) * sh + dh * p - top, np.array(j) * sw + dw * q - left
                yield p, q, np.ix_(range(x[0]), h, w), np.ix_(range(x[0]), i, j)


def _flat(a: Integers) -> Integers:
    return a.reshape(-1, a.shape[-1])


def _correlate(x: Integers, k: Integers, y: Integers, s: dict[str, Any], prime: int) -> None:
    """Y += the correlation of x with k (P,Q,C/groups,F)."""
    groups = s.get("groups", 1)
    C, F = x.shape[3] // groups, y.shape[3] // groups
    for p, q, pixels, places in _taps(x.shape, k.shape, y.shape, s):
        for g in range(groups):
            read = x[pixels][..., g * C : (g + 1) * C]
            more = product(_flat(read), k[p, q, :, g * F : (g + 1) * F], prime)
            part = y[..., g * F : (g + 1) * F]
            part[places] = (part[places] + more.reshape(*read.shape[:3], F)) % prime


def _spread(dy: Integers, k: Integers, dx: Integers, s: dict[str, Any], prime: int) -> None:
    """Dx += every dy times the k through which it was read, where it was read."""
    groups = s.get("groups", 1)
    C, F = dx.shape[3] // groups, dy.shape[3] // groups
    for p, q, pixels, places in _taps(dx.shape, k.shape, dy.shape, s):
        for g in range(groups):
            read = dy[places][..., g * F : (g + 1) * F]
            more = product(_flat(read), k[p, q, :, g * F : (g + 1) * F].T, prime)
            part = dx[..., g * C : (g + 1) * C]
            part[pixels] = (part[pixels] + more.reshape(*read.shape[:3], C)) % prime


def _weights(x: Integers, dy: Integers, dk: Integers, s: dict[str, Any], prime: int) -> None:
    """Dk += every x times the dy that it is read for."""
    groups = s.get("groups", 1)
    C, F = x.shape[3] // groups, dy.shape[3] // groups
    for p, q, pixels, places in _taps(x.shape, dk.shape, dy.shape, s):
        for g in range(groups):
            left, right = x[pixels][..., g * C : (g + 1) * C], dy[places][..., g * F : (g + 1) * F]
            dk[p, q, :, g * F : (g + 1) * F] += product(_flat(left).T, _flat(right), prime)
    dk %= prime


def _bias(shape: tuple, b: Integers | None) -> Integers:
    return np.zeros(shape, np.int64) + (0 if b is None else b)


def conv2d(name: str, a: dict[str, Integers], s: dict[str, Any], prime: int) -> tuple[Integers, ...]:
    """Compute formula (1) or a gradient."""
    if name == "forward":
        y = _bias(a["dy"].shape, a.get("b"))
        _correlate(a["x"], a["k"], y, s, prime)
        return (y,)
    if name == "backward_data":
        dx = np.zeros_like(a["x"])
        _spread(a["dy"], a["k"], dx, s, prime)
        return (dx,)
    dk = np.zeros_like(a["k"])
    _weights(a["x"], a["dy"], dk, s, prime)
    return dk, _flat(a["dy"]).sum(0) % prime


def conv2dtranspose(name: str, a: dict[str, Integers], s: dict[str, Any], prime: int) -> tuple[Integers, ...]:
    """Compute the transposed convolution, in which x is spread by k (P,Q,F,C), or a gradient."""
    if name == "forward":
        y = _bias(a["dy"].shape, a.get("b"))
        _spread(a["x"], a["k"], y, s, prime)
        return (y % prime,)
    if name == "backward_data":
        dx = np.zeros_like(a["x"])
        _correlate(a["dy"], a["k"], dx, s, prime)
        return (dx,)
    dk = np.zeros_like(a["k"])
    _weights(a["dy"], a["x"], dk, s, prime)
    return dk, _flat(a["dy"]).sum(0) % prime


def dense(name: str, a: dict[str, Integers], s: dict[str, Any], prime: int) -> tuple[Integers, ...]:
    """Compute the product of matrices, or a gradient."""
    if name == "forward":
        return ((product(a["x"], a["k"], prime) + _bias(a["dy"].shape, a.get("b"))) % prime,)
    if name == "backward_data":
        return (product(a["dy"], a["k"].T, prime),)
    return product(a["x"].T, a["dy"], prime), a["dy"].sum(0) % prime


def avgpool2d(name: str, a: dict[str, Integers], s: dict[str, Any], prime: int) -> tuple[Integers, ...]:
    """Compute the mean of the real pixels of each window, or its gradient."""
    x_shape, y_shape, window = a["x"].shape, a["dy"].shape, (*s["size"], 1, 1)
    count = np.zeros((1, *y_shape[1:3], 1), np.int64)
    for _, _, _, (_, i, j) in _taps((1, *x_shape[1:]), window, (1, *y_shape[1:]), s):
        count[0, i[0], j[0], 0] += 1
    share = np.vectorize(lambda n: pow(int(n), -1, prime), otypes=[np.int64])(count)
    result = np.zeros_like(a["dy"] if name == "forward" else a["x"])
    shared = a["dy"] * share % prime
    for _, _, pixels, places in _taps(x_shape, window, y_shape, s):
        if name == "forward":
            result[places] += a["x"][pixels]
        else:
            result[pixels] += shared[places]
    return ((result % prime * share if name == "forward" else result) % prime,)


def globalavgpool(name: str, a: dict[str, Integers], s: dict[str, Any], prime: int) -> tuple[Integers, ...]:
    """Compute the mean of all pixels of a channel, or its gradient."""
    share = pow(a["x"].shape[1] * a["x"].shape[2], -1, prime)
    if name == "forward":
        return (a["x"].sum((1, 2)) % prime * share % prime,)
    return (np.zeros_like(a["x"]) + (a["dy"] * share % prime)[:, None, None],)


def add(name: str, a: dict[str, Integers], s: dict[str, Any], prime: int) -> tuple[Integers, ...]:
    """Compute the sum of two arrays, or its gradient."""
    return ((a["a"] + a["b"]) % prime,) if name == "forward" else (a["dy"], a["dy"])


FORMULAS: dict[str, Callable[[str, dict[str, Integers], dict[str, Any], int], tuple[Integers, ...]]] = {
    f.__name__: f for f in (conv2d, conv2dtranspose, dense, avgpool2d, globalavgpool, add)
}
