"""The terms of one output of each operation: the formula written out once more, for one number.

Each function takes a site of a plan after forward, and the output's index; the letters are those of the lessons.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product as every

import numpy as np

from convnet.engine.site import Site
from convnet.terms.rearranged import arithmetic, concatenate, resample
from convnet.terms.terms import Draft, Term, product, sum_terms
from convnet.terms.transposed import conv2dtranspose
from kernels.unary.functions import make
from kernels.unary.reference import FORMULAS
from kernels.verify.operations.softmax import forward_bound, log_bound
from kernels.verify.operations.unary import bound

Index = tuple[int, ...]


def at(name: str, *index: int) -> str:
    """Return "x[0,3,4,0]" for ("x", 0, 3, 4, 0)."""
    return f"{name}[{','.join(map(str, index))}]"


def conv2d(s: Site, index: Index) -> Draft:
    """Take y[n,i,j,f] apart: every product of the window, and the bias."""
    n, i, j, f = index
    x, k = s.x[0], s.p[0]
    P, Q, C, F = k.shape
    first = f // (F // s.settings["groups"]) * C
    terms = []
    for p, q, c in every(range(P), range(Q), range(C)):
        h, w = pixel(s, i, j, p, q)
        inside = 0 <= h < x.shape[1] and 0 <= w < x.shape[2]
        name = at("x", n, h, w, first + c) if inside else "padding"
        terms.append(product(f"{name} * {at('k', p, q, c, f)}", x[n, h, w, first + c] if inside else 0, k[p, q, c, f]))
    formula = "sum_{p,q,c} x[n, s*i+d*p-top, s*j+d*q-left, c] * k[p,q,c,f]"
    return _with_bias(s, formula, terms, f)


def pixel(s: Site, i: int, j: int, p: int, q: int) -> tuple[int, int]:
    """Return (s*i + d*p - top, s*j + d*q - left); pooling has no dilation."""
    (sh, sw), (dh, dw) = s.settings["stride"], s.settings.get("dilation", (1, 1))
    (top, _), (left, _) = s.settings["padding"]
    return sh * i + dh * p - top, sw * j + dw * q - left


def _with_bias(s: Site, formula: str, terms: list[Term], f: int) -> Draft:
    if len(s.p) > 1:
        terms.append(product(at("b", f), s.p[1][f]))
        formula += " + b[f]"
    return sum_terms(formula, terms, s.y.dtype)


def dense(s: Site, index: Index) -> Draft:
    """Take y[n,f] apart: every product of the row, and the bias."""
    (n, f), x, k = index, s.x[0], s.p[0]
    terms = [product(f"{at('x', n, c)} * {at('k', c, f)}", x[n, c], k[c, f]) for c in range(len(k))]
    return _with_bias(s, "sum_c x[n,c] * k[c,f]", terms, f)


def real_pixels(s: Site, i: int, j: int) -> list[tuple[int, int]]:
    """Return the pixels (h,w) under a pooling window that are inside of the image, row by row."""
    P, Q = s.settings["size"]
    found = (pixel(s, i, j, p, q) for p, q in every(range(P), range(Q)))
    return [(h, w) for h, w in found if 0 <= h < s.x[0].shape[1] and 0 <= w < s.x[0].shape[2]]


def winner(s: Site, n: int, i: int, j: int, c: int) -> tuple[int, int]:
    """Return the pixel (h,w) that is the window's maximum: the first of equals, row by row; NaN beats every number."""
    pixels = real_pixels(s, i, j)
    return pixels[int(np.argmax([s.x[0][n, h, w, c] for h, w in pixels]))]


def maxpool2d(s: Site, index: Index) -> Draft:
    """Take y[n,i,j,c] apart: the window's numbers, the largest marked."""
    n, i, j, c = index
    best = winner(s, n, i, j, c)
    terms = []
    for h, w in real_pixels(s, i, j):
        value = float(s.x[0][n, h, w, c])
        terms.append(Term(at("x", n, h, w, c), (value,), value, chosen=(h, w) == best))
    largest = next(t.value for t in terms if t.chosen)
    return Draft("max_{p,q} x[n, s*i+p-top, s*j+q-left, c]", terms, largest, 0.0, "the largest")


def avgpool2d(s: Site, index: Index) -> Draft:
    """Take y[n,i,j,c] apart: the window's numbers, each divided by how many there are."""
    n, i, j, c = index
    pixels = real_pixels(s, i, j)
    share = 1 / len(pixels)
    terms = [product(f"{at('x', n, h, w, c)} / {len(pixels)}", s.x[0][n, h, w, c], share) for h, w in pixels]
    formula = "1/count * sum_{p,q} x[n, s*i+p-top, s*j+q-left, c], count: real pixels of the window"
    return sum_terms(formula, terms, s.y.dtype, roundings=2)


def globalavgpool(s: Site, index: Index) -> Draft:
    """Take y[n,c] apart: all numbers of the channel, each divided by how many there are."""
    (n, c), x = index, s.x[0]
    _, H, W, _ = x.shape
    places = every(range(H), range(W))
    terms = [product(f"{at('x', n, h, w, c)} / {H * W}", x[n, h, w, c], 1 / (H * W)) for h, w in places]
    return sum_terms("1/(H*W) * sum_{h,w} x[n,h,w,c]", terms, s.y.dtype, roundings=2)


def relu(s: Site, index: Index) -> Draft:
    """Take one output apart: z, or 0."""
    z = float(s.x[0][index])
    value = z if z > 0 or math.isnan(z) else 0.0
    return Draft("max(0, z)", [Term(at("z", *index), (z,), z)], value, 0.0, "0 or z, whichever is larger")


def sigmoid(s: Site, index: Index) -> Draft:
    """Take one output apart: the z that it is computed from."""
    z = float(s.x[0][index])
    value = math.exp(z) / (1 + math.exp(z)) if z < 0 else 1 / (1 + math.exp(-z))
    # exp is within 1 ulp, the sum and the quotient add half of one each; in float64 these lines err as much
    bound = 6 * float(np.spacing(np.abs(value).astype(s.y.dtype)))
    return Draft("1 / (1 + e^-z)", [Term(at("z", *index), (z,), z)], value, bound, "1 / (1 + e^-z)")


def unary(s: Site, index: Index) -> Draft:
    """Take one output apart: the x that the function is computed from."""
    function, settings = unary_of(s)
    x = float(s.x[0][index])
    value = float(FORMULAS[function][0](x, *make(function, settings)))
    limit = float(bound("forward", function, np.array(x), settings, s.y.dtype))
    name = function if not settings else f"{function}({', '.join(f'{k}={v:g}' for k, v in settings.items())})"
    return Draft(f"{name} of x", [Term(at("x", *index), (x,), x)], value, limit, f"{name} of x")


def unary_of(s: Site) -> tuple[str, dict[str, float]]:
    """Return the function of a step and its numbers."""
    return s.settings["function"], {k: v for k, v in s.settings.items() if k != "function"}


def softmax(s: Site, index: Index) -> Draft:
    """Take one output apart: the powers of its row, its own marked."""
    *row, k = index
    z = s.x[0][tuple(row)].astype(float)
    powers = np.exp(z - z.max())
    terms = [Term(f"e^({at('z', *row, j)} - max z)", (float(v),), float(v), j == k) for j, v in enumerate(powers)]
    value = float(powers[k] / powers.sum())
    bound = float(forward_bound(s.x[0][tuple(row)][None], (powers / powers.sum())[None])[0, k])
    return Draft("e^z[k] / sum_j e^z[j]", terms, value, bound, "the marked term divided by the sum of all")


def log_softmax(s: Site, index: Index) -> Draft:
    """Take one output apart: the powers of its row, its own marked."""
    *row, k = index
    z = s.x[0][tuple(row)].astype(float)
    powers = np.exp(z - z.max())
    terms = [Term(f"e^({at('z', *row, j)} - max z)", (float(v),), float(v), j == k) for j, v in enumerate(powers)]
    y = z - z.max() - np.log(powers.sum())
    limit = float(log_bound(s.x[0][tuple(row)][None], y[None])[0, k])
    return Draft("z[k] - log sum_j e^z[j]", terms, float(y[k]), limit, "z[k] - max z, minus the logarithm of the sum")


def batchnorm_inference(s: Site, index: Index) -> Draft:
    """Take one output apart: the scaled number, the scaled mean, and beta."""
    c = index[-1]
    gamma, beta, mean, var = (float(p.flat[c]) for p in s.p)  # PReLU's gamma, its alpha, has more axes
    scale = gamma / math.sqrt(var + s.settings["epsilon"])
    terms = [
        product(f"{at('x', *index)} * gamma / sqrt(var + epsilon)", s.x[0][index], scale),
        product("-mean * gamma / sqrt(var + epsilon)", -mean, scale),
        product(at("beta", c), beta),
    ]
    formula = "gamma[c] * (x - mean[c]) / sqrt(var[c] + epsilon) + beta[c]"
    return sum_terms(formula, terms, s.y.dtype, roundings=6)


def group_of(s: Site, index: Index) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return a number's group: its places in the flat array, its values, their channels, and the number's own rank."""
    (P, C), groups = s.settings["size"], s.settings["groups"]
    place = int(np.ravel_multi_index(index, s.y.shape))
    first, c = place - place % (P * C), place % C
    width = C // groups
    channels = np.tile(np.arange(width) + c // width * width, P)
    places = first + np.repeat(np.arange(P) * C, width) + channels
    return places, s.x[0].reshape(-1)[places].astype(float), channels, int(np.flatnonzero(places == place)[0])


def groupnorm(s: Site, index: Index) -> Draft:
    """Take one output apart: the scaled number, the scaled mean number by number, and beta."""
    places, x, channels, own = group_of(s, index)
    gamma, beta = (float(p.flat[channels[own]]) for p in s.p)
    scale = gamma / math.sqrt(x.var() + s.settings["epsilon"])
    names = [at("x", *map(int, np.unravel_index(p, s.x[0].shape))) for p in places]
    terms = [product(f"{names[own]} * gamma / sqrt(var + epsilon)", x[own], scale)]
    terms += [
        product(f"-{name} / {len(x)} * gamma / sqrt(var + epsilon)", -v, scale / len(x))
        for name, v in zip(names, x, strict=True)
    ]
    terms.append(product(at("beta", int(channels[own])), beta))
    return sum_terms("gamma * (x - mean) / sqrt(var + epsilon) + beta", terms, s.y.dtype, roundings=10)


def add(s: Site, index: Index) -> Draft:
    """Take one output apart: its two summands."""
    names = ("a", "b")
    return sum_terms("a + b", [product(at(m, *index), x[index]) for m, x in zip(names, s.x, strict=True)], s.y.dtype)


def reshape(s: Site, index: Index) -> Draft:
    """Take one output apart: the same number at another place."""
    place = move_index(index, s.y.shape, s.x[0].shape)
    value = float(s.x[0][place])
    return Draft("the same number at another place", [Term(at("x", *place), (value,), value)], value, 0.0, "it")


def move_index(index: Index, shape: Index, other: Index) -> Index:
    """Return the index, in the other shape, of the number at this index."""
    return tuple(map(int, np.unravel_index(np.ravel_multi_index(index, shape), other)))


FORWARD: dict[str, Callable[[Site, Index], Draft]] = {
    f.__name__: f
    for f in (
        *(conv2d, dense, maxpool2d, avgpool2d, globalavgpool),
        *(arithmetic, concatenate, resample, conv2dtranspose),
        *(relu, sigmoid, unary, softmax, log_softmax, batchnorm_inference, groupnorm, add, reshape),
    )
}
