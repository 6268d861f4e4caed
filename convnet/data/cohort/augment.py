"""Augmentation: each time an image is drawn for training, it is changed at random."""

from __future__ import annotations

from typing import Any

import numpy as np


class Augmented:
    """Images (N,H,W,C) that come out changed; `fit` takes it instead of x.

    flip       mirrored left-right with probability 1/2
    shift      moved by up to this many pixels each way, edges repeated (whole pixels if nothing else is asked for)
    rotate     by up to this many degrees about the middle
    scale      by a factor between 1 / (1 + scale) and 1 + scale, even in its logarithm
    elastic    displaced by a smooth random field of this many pixels (root mean square), of width min(H,W)/8
    intensity  v -> m + (v - m)(1 + a) + b, m the image's mean, a and b in +-intensity; kept in [0, 1]

    The changes are drawn from one generator in the order in which batches are taken: same seed, same training.
    Source of the elastic field: Simard, Steinkraus & Platt, ICDAR 2003.
    """

    def __init__(
        self,
        x: np.ndarray,
        *,
        flip: bool = True,
        shift: float = 2,
        rotate: float = 0.0,
        scale: float = 0.0,
        intensity: float = 0.0,
        elastic: float = 0.0,
        seed: int = 0,
    ) -> None:
        if x.ndim != 4:
            raise ValueError(f"Augmented: x must be images (N,H,W,C), got shape {x.shape}")
        if not 0 <= shift < min(x.shape[1:3]):
            raise ValueError(f"Augmented: shift must be in 0..{min(x.shape[1:3]) - 1} pixels, got {shift}")
        for name, value in (("rotate", rotate), ("scale", scale), ("intensity", intensity), ("elastic", elastic)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"Augmented: {name} must be 0 or more, got {value}")
        self.x, self.shape, self.dtype = x, x.shape, x.dtype
        self.flip, self.shift, self.rotate, self.scale = flip, shift, np.deg2rad(rotate), np.log1p(scale)
        self.intensity, self.elastic = intensity, elastic
        self.rng = np.random.Generator(np.random.Philox(seed))

    def facts(self) -> dict[str, Any]:
        """Return how images are changed, for a backup to compare; its place in the stream is `rng`'s."""
        return {name: value for name, value in vars(self).items() if isinstance(value, (bool, int, float))}

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        chosen = self.x[index]
        warped = self.rotate or self.scale or self.elastic
        out = self._warp(chosen) if warped else self._shift(chosen)
        if self.flip:
            mirrored = self.rng.random(len(out)) < 0.5
            out[mirrored] = out[mirrored, :, ::-1]
        return self._grey(out) if self.intensity else out

    def _shift(self, x: np.ndarray) -> np.ndarray:
        """Shift by whole pixels: the values of the originals are kept."""
        most, (n, h, w, _) = int(self.shift), x.shape
        tops, lefts = self.rng.integers(0, 2 * most + 1, (2, n))
        padded = np.pad(x, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
        out = np.empty_like(x)
        for image, source, top, left in zip(out, padded, tops, lefts, strict=True):
            image[...] = source[top : top + h, left : left + w]
        return out

    def _warp(self, x: np.ndarray) -> np.ndarray:
        """y(r) = x(middle + R(angle) (r - middle) / factor + shift + field(r)), bilinear, edges repeated."""
        from scipy.ndimage import map_coordinates

        n, h, w, channels = x.shape
        angle = self.rng.uniform(-self.rotate, self.rotate, (n, 1, 1))
        factor = np.exp(self.rng.uniform(-self.scale, self.scale, (n, 1, 1)))
        down, right = self.rng.uniform(-self.shift, self.shift, (2, n, 1, 1))
        i, j = np.arange(h)[:, None] - (h - 1) / 2, np.arange(w)[None, :] - (w - 1) / 2
        cos, sin = np.cos(angle) / factor, np.sin(angle) / factor
        rows = (h - 1) / 2 + cos * i - sin * j + down
        columns = (w - 1) / 2 + sin * i + cos * j + right
        if self.elastic:
            fields = self._fields(n, h, w)
            rows, columns = rows + fields[0], columns + fields[1]
        images = np.broadcast_to(np.arange(n)[:, None, None], rows.shape)
        out = np.empty_like(x)
        for c in range(channels):
            out[..., c] = map_coordinates(x[..., c], [images, rows, columns], order=1, mode="nearest")
        return out

    def _fields(self, n: int, h: int, w: int) -> np.ndarray:
        """(2,n,h,w) displacements in pixels: white noise made smooth, then brought to the asked size."""
        from scipy.ndimage import gaussian_filter

        width = min(h, w) / 8
        fields = gaussian_filter(self.rng.standard_normal((2, n, h, w)), (0, 0, width, width), mode="wrap")
        return fields * (self.elastic / np.sqrt(np.mean(fields**2, axis=(2, 3), keepdims=True)))

    def _grey(self, x: np.ndarray) -> np.ndarray:
        contrast, brightness = self.rng.uniform(-self.intensity, self.intensity, (2, len(x), 1, 1, 1))
        mean = x.mean(axis=(1, 2, 3), keepdims=True)
        return np.clip(mean + (x - mean) * (1 + contrast) + brightness, 0, 1).astype(self.dtype)
