"""The terms of a transposed convolution: one output's, and one number's of each gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from convnet.engine.site import Site
from convnet.terms.rearranged import Index, Terms, at
from convnet.terms.terms import Draft, product, sum_terms


def _products(s: Site, n: int) -> Iterator[tuple[Index, Index, Index]]:
    """Yield the places in x, k and y of every product of image n."""
    (sh, sw), (dh, dw), ((top, _), (left, _)) = (s.settings[v] for v in ("stride", "dilation", "padding"))
    each = s.x[0].shape[3] // s.settings["groups"]
    for h, w, c in np.ndindex(s.x[0].shape[1:]):
        for p, q, f in np.ndindex(s.p[0].shape[:3]):
            i, j = sh * h + dh * p - top, sw * w + dw * q - left
            if 0 <= i < s.y.shape[1] and 0 <= j < s.y.shape[2]:
                yield (n, h, w, c), (p, q, f, c), (n, i, j, c // each * s.p[0].shape[2] + f)


def conv2dtranspose(s: Site, index: Index) -> Draft:
    """Take y[n,i,j,f] apart: every pixel whose kernel reaches it, and the bias."""
    x, k = s.x[0], s.p[0]
    terms = [
        product(f"{at('x', ix)} * {at('k', ik)}", x[ix], k[ik]) for ix, ik, iy in _products(s, index[0]) if iy == index
    ]
    formula = "sum of x[n,h,w,c] * k[p,q,f,c] with s*h+d*p-top = i, s*w+d*q-left = j"
    if len(s.p) > 1:
        terms.append(product(at("b", index[3:]), s.p[1][index[3]]))
        formula += " + b[f]"
    return sum_terms(formula, terms, s.y.dtype)


def conv2dtranspose_x(s: Site, place: int, index: Index) -> Terms:
    """Take dx[n,h,w,c] apart: every output that its kernel reaches, times the number of k."""
    assert s.dy is not None
    dy, k = s.dy, s.p[0]
    found = [
        product(f"{at('dy', iy)} * {at('k', ik)}", dy[iy], k[ik])
        for ix, ik, iy in _products(s, index[0])
        if ix == index
    ]
    return "sum_{p,q,f} dy[n, s*h+d*p-top, s*w+d*q-left, f] * k[p,q,f,c]", found


def conv2dtranspose_p(s: Site, place: int, index: Index) -> Terms:
    """Take dk[p,q,f,c] apart: over all pixels, the output that the number of k met; db[f]: over all outputs, 1."""
    assert s.dy is not None
    dy, x = s.dy, s.x[0]
    if place == 1:
        places = [(*i, index[0]) for i in np.ndindex(dy.shape[:3])]
        return "sum_{n,i,j} dy[n,i,j,f]", [product(at("dy", i), dy[i]) for i in places]
    found = [
        product(f"{at('x', ix)} * {at('dy', iy)}", x[ix], dy[iy])
        for n in range(len(x))
        for ix, ik, iy in _products(s, n)
        if ik == index
    ]
    return "sum_{n,h,w} x[n,h,w,c] * dy[n, s*h+d*p-top, s*w+d*q-left, f]", found
