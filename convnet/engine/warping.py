"""Images moved at random: each pixel of an image drawn anew is a weighted sum of pixels of the old one.

For each sample the layer draws an affine map from the new image's places to the old one's. The weights of a batch are
one sparse matrix, so the gradient is the transposed matrix's product. Both run on the host, in one fixed order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from convnet.engine.drawing import generators
from kernels import targets

FILLS = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")
Affine = tuple[float, float, float, float, float, float]


class Reading(NamedTuple):
    """How a place between or outside of the old image's pixels is read: `fill` of FILLS, one of INTERPOLATIONS."""

    fill: str = "reflect"
    interpolation: str = "bilinear"


def places(maps: list[Affine], height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the row a*i + b*j + c and the column d*i + e*j + f that place (i, j) of each image reads, (N,H,W).

    A map is (a, .., f).
    """
    i, j = np.arange(height)[:, None], np.arange(width)[None, :]
    a, b, c, d, e, f = np.array(maps).T[..., None, None]
    return a * i + b * j + c, d * i + e * j + f


def inside(place: np.ndarray, length: int, fill: str) -> np.ndarray:
    """Return the pixel that a whole place means along an axis; -1 outside, if `fill` is "constant"."""
    if fill == "nearest":
        return np.clip(place, 0, length - 1)
    if fill == "wrap":
        return place % length
    if fill == "reflect":  # d c b a | a b c d | d c b a
        folded = place % (2 * length)
        return np.minimum(folded, 2 * length - 1 - folded)
    return np.where((place >= 0) & (place < length), place, -1)


def taps(at: np.ndarray, reading: Reading) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the whole places along one axis that are read, with their weights: one, or the two neighbours."""
    if reading.interpolation == "nearest":
        return [(np.floor(at + 0.5).astype(np.int64), np.ones_like(at))]
    low = np.floor(at)
    share = at - low
    return [(low.astype(np.int64), 1 - share), (low.astype(np.int64) + 1, share)]


def matrix(maps: list[Affine], height: int, width: int, reading: Reading) -> Any:
    """Return the batch's weights: row n*H*W + i*W + j holds those of the pixels that place (i, j) of image n reads."""
    from scipy.sparse import csr_array

    down, across = places(maps, height, width)
    first = (np.arange(len(maps)) * height * width)[:, None, None]
    pixels, weights, reads = [], [], []
    for h, u in taps(down, reading):
        for w, v in taps(across, reading):
            row, column = inside(h, height, reading.fill), inside(w, width, reading.fill)
            weight = u * v
            pixels.append(first + row * width + column)
            weights.append(weight)
            reads.append((row >= 0) & (column >= 0) & (weight != 0))  # 0 times a NaN would be a NaN
    read = np.stack(reads, axis=-1)
    start = np.append(0, np.cumsum(read.sum(axis=-1)))
    found = (np.stack(weights, axis=-1)[read], np.stack(pixels, axis=-1)[read], start)
    return csr_array(found, shape=(down.size, down.size))


def warped(site: Any) -> tuple[Callable[[], None], Callable[[], None]]:
    """Bind a batch whose images are moved by maps that the layer draws: `affine(generator, height, width)` for each."""
    layer, (x,), y = site.step.layer, site.x, site.y
    samples, height, width, channels = x.shape
    kept: list[Any] = []  # the weights of the latest forward

    def forward() -> None:
        maps = [layer.affine(generator, height, width) for generator in generators(site)]
        weights = matrix(maps, height, width, layer.reading)
        kept[:] = [weights]
        moved = weights.astype(x.dtype) @ _pixels(x)
        if layer.reading.fill == "constant" and layer.fill_value:
            missing = 1 - weights @ np.ones(samples * height * width)
            moved += (layer.fill_value * missing[:, None]).astype(x.dtype)
        targets.copy(y, np.ascontiguousarray(moved).reshape(y.shape))

    def backward() -> None:
        gradient = kept[0].T.tocsr().astype(x.dtype) @ _pixels(site.dy)
        targets.copy(site.dx[0], np.ascontiguousarray(gradient).reshape(x.shape))

    return forward, backward if site.dx and site.dx[0] is not None else lambda: None


def _pixels(array: Any) -> np.ndarray:
    """Return images on the host as rows of pixels (N*H*W, C)."""
    host = array if isinstance(array, np.ndarray) else targets.to_host(array)
    return host.reshape(-1, host.shape[-1])
