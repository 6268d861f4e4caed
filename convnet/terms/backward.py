"""The terms of one number of each gradient: the chain rule written out for one number.

A function takes a site of a plan after backward, the place of one of the operation's inputs or parameters, and the
number's index; it returns the terms that this one use of the operation contributes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product as every

import numpy as np

from convnet.engine.site import Site
from convnet.terms.forward import Index, at, group_of, move_index, pixel, real_pixels, unary_of, winner
from convnet.terms.rearranged import arithmetic_p, arithmetic_x, concatenate_x, resample_x
from convnet.terms.terms import Term, product
from convnet.terms.transposed import conv2dtranspose_p, conv2dtranspose_x
from kernels.unary.functions import make
from kernels.unary.reference import FORMULAS
from kernels.verify.operations.unary import PRODUCTS, bound

Terms = tuple[str, list[Term]]


def _dy(s: Site) -> np.ndarray:
    assert s.dy is not None
    return s.dy


def conv2d_x(s: Site, place: int, index: Index) -> Terms:
    """Take dx[n,h,w,c] apart: every output that reads the pixel, times the number of k that it is read with."""
    (n, h, w, c), dy, k = index, _dy(s), s.p[0]
    P, Q, C, F = k.shape
    filters = F // s.settings["groups"]
    terms = []
    for p, q in every(range(P), range(Q)):
        (i, left_i), (j, left_j) = _reader(s, 0, h, p), _reader(s, 1, w, q)
        if left_i or left_j or not (0 <= i < dy.shape[1] and 0 <= j < dy.shape[2]):
            continue
        for f in range(c // C * filters, (c // C + 1) * filters):
            terms.append(
                product(f"{at('dy', n, i, j, f)} * {at('k', p, q, c % C, f)}", dy[n, i, j, f], k[p, q, c % C, f])
            )
    return "sum_{p,q,f} dy[n, (h+top-d*p)/s, (w+left-d*q)/s, f] * k[p,q,c,f], whole quotients inside y", terms


def _reader(s: Site, axis: int, place: int, tap: int) -> tuple[int, int]:
    """Return (i, remainder) of (h + top - d*p) / s."""
    before = s.settings["padding"][axis][0]
    return divmod(place + before - s.settings["dilation"][axis] * tap, s.settings["stride"][axis])


def conv2d_p(s: Site, place: int, index: Index) -> Terms:
    """Take dk[p,q,c,f] apart: over all outputs, the pixel that the number of k met; db[f]: over all outputs, 1."""
    dy, x = _dy(s), s.x[0]
    if place == 1:
        return "sum_{n,i,j} dy[n,i,j,f]", _all_outputs(dy, index[0])
    p, q, c, f = index
    first = f // (dy.shape[3] // s.settings["groups"]) * s.p[0].shape[2]
    terms = []
    for n, i, j in np.ndindex(dy.shape[:3]):
        h, w = pixel(s, i, j, p, q)
        if 0 <= h < x.shape[1] and 0 <= w < x.shape[2]:
            terms.append(
                product(
                    f"{at('x', n, h, w, first + c)} * {at('dy', n, i, j, f)}", x[n, h, w, first + c], dy[n, i, j, f]
                )
            )
    return "sum_{n,i,j} x[n, s*i+d*p-top, s*j+d*q-left, c] * dy[n,i,j,f]", terms


def _all_outputs(dy: np.ndarray, f: int) -> list[Term]:
    return [product(at("dy", *place, f), dy[(*place, f)]) for place in np.ndindex(dy.shape[:-1])]


def dense_x(s: Site, place: int, index: Index) -> Terms:
    """Take dx[n,c] apart: every output, times the number of k that x was read with."""
    (n, c), dy, k = index, _dy(s), s.p[0]
    return "sum_f dy[n,f] * k[c,f]", [
        product(f"{at('dy', n, f)} * {at('k', c, f)}", dy[n, f], k[c, f]) for f in range(k.shape[1])
    ]


def dense_p(s: Site, place: int, index: Index) -> Terms:
    """Take dk[c,f] apart: over the batch, the input that the number of k met; db[f]: over the batch, 1."""
    dy, x = _dy(s), s.x[0]
    if place == 1:
        return "sum_n dy[n,f]", _all_outputs(dy, index[0])
    c, f = index
    return "sum_n x[n,c] * dy[n,f]", [
        product(f"{at('x', n, c)} * {at('dy', n, f)}", x[n, c], dy[n, f]) for n in range(len(x))
    ]


def _windows(s: Site, h: int, w: int) -> list[tuple[int, int]]:
    """Return the pooling windows (i,j) that hold the pixel (h,w)."""
    return [(i, j) for i, j in np.ndindex(s.y.shape[1:3]) if (h, w) in real_pixels(s, i, j)]


def maxpool2d_x(s: Site, place: int, index: Index) -> Terms:
    """Take dx[n,h,w,c] apart: every window that holds the pixel, times 1 if the pixel is its maximum."""
    n, h, w, c = index
    terms = []
    for i, j in _windows(s, h, w):
        won = (h, w) == winner(s, n, i, j, c)
        name = f"{at('dy', n, i, j, c)} * {'1 (the maximum)' if won else '0 (not the maximum)'}"
        terms.append(product(name, _dy(s)[n, i, j, c], int(won)))
    return "sum of dy[n,i,j,c] over the windows in which x[n,h,w,c] is the (first) maximum", terms


def avgpool2d_x(s: Site, place: int, index: Index) -> Terms:
    """Take dx[n,h,w,c] apart: every window that holds the pixel, divided by its real pixels."""
    n, h, w, c = index
    terms = []
    for i, j in _windows(s, h, w):
        count = len(real_pixels(s, i, j))
        terms.append(product(f"{at('dy', n, i, j, c)} / {count}", _dy(s)[n, i, j, c], 1 / count))
    return "sum of dy[n,i,j,c] / count over the windows that hold x[n,h,w,c]", terms


def globalavgpool_x(s: Site, place: int, index: Index) -> Terms:
    """Take dx[n,h,w,c] apart: the one output, divided by the pixels."""
    n, h, w, c = index
    pixels = s.x[0].shape[1] * s.x[0].shape[2]
    return "dy[n,c] / (H*W)", [product(f"{at('dy', n, c)} / {pixels}", _dy(s)[n, c], 1 / pixels)]


def relu_x(s: Site, place: int, index: Index) -> Terms:
    """Take one number of dx apart: dy, or 0."""
    passes = int(s.y[index] > 0)
    name = f"{at('dy', *index)} * {'1 (y > 0)' if passes else '0 (y = 0)'}"
    return "dy where y > 0, else 0", [product(name, _dy(s)[index], passes)]


def sigmoid_x(s: Site, place: int, index: Index) -> Terms:
    """Take one number of dx apart: dy times the slope."""
    y = float(s.y[index])
    return "dy * y * (1 - y)", [product(f"{at('dy', *index)} * y * (1 - y)", _dy(s)[index], y, 1 - y)]


def unary_x(s: Site, place: int, index: Index) -> Terms:
    """Take one number of dx apart: dy times the function's slope at x."""
    function, settings = unary_of(s)
    x, dy, (value, slope) = float(s.x[0][index]), _dy(s)[index], FORMULAS[function]
    numbers = make(function, settings)
    if function in PRODUCTS and x != 0:
        g = value(x, *numbers) / x
        names = (f"{at('dy', *index)} * g({at('x', *index)})", f"{at('dy', *index)} * x * g'({at('x', *index)})")
        rest = slope(x, *numbers) - g
        return "dy * f'(x), f(x) = x * g(x)", [product(names[0], dy, g), product(names[1], dy, rest)]
    name = f"{at('dy', *index)} * f'({at('x', *index)})"
    return "dy * f'(x)", [product(name, dy, slope(x, *numbers))]


def softmax_x(s: Site, place: int, index: Index) -> Terms:
    """Take dz[k] = sum_j dy[j] * dy[j]/dz[k] apart, the Jacobian being y[j] * ([j = k] - y[k])."""
    *row, k = index
    dy, y = (a[tuple(row)].astype(float) for a in (_dy(s), s.y))
    terms = [product(f"{at('dy', *row, k)} * {at('y', *row, k)}", dy[k], y[k])]
    for j in range(len(y)):
        name = f"-{at('dy', *row, j)} * {at('y', *row, j)} * {at('y', *row, k)}"
        terms.append(product(name, -dy[j], y[j], y[k]))
    return "sum_j dy[j] * y[j] * ([j = k] - y[k])", terms


def log_softmax_x(s: Site, place: int, index: Index) -> Terms:
    """Take dz[k] = dy[k] - e^y[k] * sum_j dy[j] apart."""
    *row, k = index
    dy, share = _dy(s)[tuple(row)].astype(float), math.exp(s.y[index])
    terms = [product(at("dy", *row, k), dy[k])]
    terms += [product(f"-e^{at('y', *row, k)} * {at('dy', *row, j)}", -share, dy[j]) for j in range(len(dy))]
    return "dy[k] - e^y[k] * sum_j dy[j]", terms


def batchnorm_inference_x(s: Site, place: int, index: Index) -> Terms:
    """Take one number of dx apart: dy times the channel's scale."""
    c = index[-1]
    scale = float(s.p[0].flat[c]) / math.sqrt(float(s.p[3][c]) + s.settings["epsilon"])
    return "dy * gamma[c] / sqrt(var[c] + epsilon)", [
        product(f"{at('dy', *index)} * gamma / sqrt(var + epsilon)", _dy(s)[index], scale)
    ]


def batchnorm_inference_p(s: Site, place: int, index: Index) -> Terms:
    """Take dgamma[c] or dbeta[c] apart: a term for every number of the channel."""
    c, dy = int(np.ravel_multi_index(index, s.p[place].shape)), _dy(s)
    if place == 1:
        return "sum dy[...,c]", _all_outputs(dy, c)
    mean, deviation = float(s.p[2][c]), math.sqrt(float(s.p[3][c]) + s.settings["epsilon"])
    terms = []
    for where in np.ndindex(dy.shape[:-1]):
        x, d = float(s.x[0][(*where, c)]), float(dy[(*where, c)])
        terms.append(
            product(f"{at('dy', *where, c)} * {at('x', *where, c)} / sqrt(var + epsilon)", d, x, 1 / deviation)
        )
        terms.append(product(f"-{at('dy', *where, c)} * mean / sqrt(var + epsilon)", -d, mean, 1 / deviation))
    return "sum dy[...,c] * (x[...,c] - mean[c]) / sqrt(var[c] + epsilon)", terms


def groupnorm_x(s: Site, place: int, index: Index) -> Terms:
    """Take one number of dx apart: dy gamma of every number of its group, times how much of it x moves."""
    places, x, channels, own = group_of(s, index)
    inverse, M = 1 / math.sqrt(x.var() + s.settings["epsilon"]), len(x)
    hat = (x - x.mean()) * inverse
    dy, gamma = _dy(s).reshape(-1)[places].astype(float), s.p[0].reshape(-1)[channels].astype(float)
    names = [at("dy", *map(int, np.unravel_index(p, s.y.shape))) for p in places]
    terms = [product(f"{names[own]} * gamma / sqrt(var + epsilon)", dy[own], gamma[own], inverse)]
    for j, name in enumerate(names):
        terms.append(product(f"-{name} * gamma / {M} / sqrt(var + epsilon)", -dy[j], gamma[j], inverse / M))
        factor = hat[own] * hat[j] * inverse / M
        terms.append(product(f"-{name} * gamma * xhat * xhat / {M} / sqrt(var + epsilon)", -dy[j], gamma[j], factor))
    return "(dy gamma - 1/M sum dy gamma - xhat/M sum dy gamma xhat) / sqrt(var + epsilon)", terms


def groupnorm_p(s: Site, place: int, index: Index) -> Terms:
    """Take dgamma[c] or dbeta[c] apart: a term, or two, for every number that it multiplied or was added to."""
    c, dy = int(np.ravel_multi_index(index, s.p[place].shape)), _dy(s)
    terms = []
    for n in range(c, dy.size, s.settings["size"][1]):
        where = tuple(map(int, np.unravel_index(n, dy.shape)))
        d = float(dy[where])
        if place == 1:
            terms.append(product(at("dy", *where), d))
            continue
        _, x, _, own = group_of(s, where)
        inverse = 1 / math.sqrt(x.var() + s.settings["epsilon"])
        terms.append(product(f"{at('dy', *where)} * {at('x', *where)} / sqrt(var + epsilon)", d, x[own], inverse))
        terms.append(product(f"-{at('dy', *where)} * mean / sqrt(var + epsilon)", -d, x.mean(), inverse))
    return ("sum dy" if place else "sum dy * (x - mean) / sqrt(var + epsilon)"), terms


def add_x(s: Site, place: int, index: Index) -> Terms:
    """Take one number of da or db apart: dy as it is."""
    return "dy", [product(at("dy", *index), _dy(s)[index])]


def reshape_x(s: Site, place: int, index: Index) -> Terms:
    """Take one number of dx apart: dy at the number's new place."""
    to = move_index(index, s.x[0].shape, s.y.shape)
    return "dy at the number's new place", [product(at("dy", *to), _dy(s)[to])]


def own_error(s: Site, index: Index) -> float:
    """Return how far a kernel's slope may be from the formula's, beyond the roundings of its product with dy."""
    if s.step.operation != "unary":
        return 0.0
    function, settings = unary_of(s)
    limit = bound("backward", function, np.array(float(s.x[0][index])), settings, s.y.dtype, counted=ROUNDINGS - 1)
    return float(limit) * abs(float(_dy(s)[index]))


Backward = Callable[[Site, int, Index], Terms]
OF_INPUT: dict[str, Backward] = {
    f.__name__.removesuffix("_x"): f
    for f in (
        *(conv2d_x, dense_x, maxpool2d_x, avgpool2d_x, globalavgpool_x, relu_x, sigmoid_x, unary_x, softmax_x),
        *(log_softmax_x, batchnorm_inference_x, groupnorm_x, add_x, reshape_x),
        *(arithmetic_x, concatenate_x, resample_x, conv2dtranspose_x),
    )
}
OF_WEIGHT: dict[str, Backward] = {
    "arithmetic": arithmetic_p,
    "conv2d": conv2d_p,
    "conv2dtranspose": conv2dtranspose_p,
    "dense": dense_p,
    "batchnorm_inference": batchnorm_inference_p,
    "groupnorm": groupnorm_p,
}
ROUNDINGS = 6  # at most, in one term of any of these
