"""More images from few: each time an image is drawn for training it is flipped and shifted at random."""

from __future__ import annotations

from typing import Any

import numpy as np


class Augmented:
    """Images (N,H,W,C) that come out changed: mirrored left-right with probability 1/2 if `flip`, and shifted by up
    to `shift` pixels each way, edges repeated. `fit` takes it in the place of x.

    The changes are drawn from one generator in the order in which batches are taken: same seed, same training.
    """

    def __init__(self, x: np.ndarray, *, flip: bool = True, shift: int = 2, seed: int = 0) -> None:
        if x.ndim != 4:
            raise ValueError(f"Augmented: x must be images (N,H,W,C), got shape {x.shape}")
        if not 0 <= shift < min(x.shape[1:3]):
            raise ValueError(f"Augmented: shift must be in 0..{min(x.shape[1:3]) - 1} pixels, got {shift}")
        self.flip, self.shift = flip, shift
        self.shape, self.dtype = x.shape, x.dtype
        self.padded = np.pad(x, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
        self.rng = np.random.Generator(np.random.Philox(seed))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        chosen = self.padded[index]
        n, (h, w) = len(chosen), self.shape[1:3]
        tops, lefts = self.rng.integers(0, 2 * self.shift + 1, (2, n))
        mirrored = self.rng.random(n) < 0.5 if self.flip else np.zeros(n, bool)
        out = np.empty((n, *self.shape[1:]), self.dtype)
        for image, source, top, left, mirror in zip(out, chosen, tops, lefts, mirrored, strict=True):
            cut = source[top : top + h, left : left + w]
            image[...] = cut[:, ::-1] if mirror else cut
        return out
