"""Images that are the same, or nearly, whatever their size, brightness or file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

SIDE = 32  # pixels of the picture that is hashed
BITS = 10  # of 63 may differ for two pictures to be compared by their pixels
ALIKE = 0.985  # their correlation, to be called nearly the same
BLOCK = 2**22  # pairs at once


def exact(image: np.ndarray) -> str:
    """Return a hash of the prepared pixels and their shape: equal for copies, whatever the header says."""
    return hashlib.sha256(str(image.shape).encode() + np.ascontiguousarray(image, "<f4").tobytes()).hexdigest()


def perceptual(picture: np.ndarray) -> int:
    """Return 63 bits: which of the 8x8 lowest frequencies, the mean apart, are above their median. picture (32,32).

    Source: pHash, as the package imagehash has it (Zauner, Implementation and Benchmarking of Perceptual Image Hash
    Functions, 2010).
    """
    from scipy.fft import dctn

    low = dctn(picture.astype(np.float64), norm="ortho")[:8, :8].ravel()[1:]
    bits = low > np.median(low)
    return int(np.packbits(np.r_[False, bits]).view(">u8")[0])


def pairs(pictures: np.ndarray) -> Iterator[tuple[int, int, float, bool]]:
    """Yield (a, b, correlation, mirrored) for all a < b of pictures (N,32,32) that are nearly the same.

    mirrored  whether they are so when one is mirrored left-right
    A constant picture matches nothing. All pairs are compared by their hashes: about 10^8 a second.
    """
    n = len(pictures)
    flat = pictures.reshape(n, -1).astype(np.float64)
    centred = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1)
    sound = length > 1e-3 * SIDE
    unit = (centred / np.where(sound, length, 1)[:, None]).reshape(n, SIDE, SIDE)
    straight, mirrored = (
        np.array([perceptual(p) for p in version], np.uint64) for version in (pictures, pictures[:, :, ::-1])
    )
    step = max(1, BLOCK // max(n, 1))
    for start in range(0, n, step):
        rows = np.arange(start, min(n, start + step))
        for other, is_mirrored in ((straight, False), (mirrored, True)):
            near = np.bitwise_count(straight[rows, None] ^ other[None, :]) <= BITS
            near &= (rows[:, None] < np.arange(n)) & sound[rows, None] & sound
            for a, b in zip(*np.nonzero(near), strict=True):
                a = int(rows[a])
                second = unit[b][:, ::-1] if is_mirrored else unit[b]
                alike = float(np.sum(unit[a] * second))
                if alike >= ALIKE:
                    yield a, int(b), alike, is_mirrored
