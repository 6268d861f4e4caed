"""The ideal observer of a known lesion in stationary Gaussian noise: the best AUC that any network can reach.

Lesion s known exactly, background known, noise of covariance K: the ideal observer is linear, the Hotelling
observer with the template w = K^-1 s (Barrett & Myers, Foundations of Image Science, 2004, chapter 13;
Burgess, Visual perception studies and observer models in medical imaging, Semin. Nucl. Med. 41, 2011). Its
detectability is

    d'^2 = s^T K^-1 s,        AUC = Phi(d' / sqrt 2)

Noise that is stationary on the torus has the Fourier vectors as K's eigenvectors, so with S = DFT(s) over n
pixels and the eigenvalues L(f), K^-1 s is one division: w = IDFT(S / L), d'^2 = 1/n sum_f |S(f)|^2 / L(f).
"""

from __future__ import annotations

import math

import numpy as np


def noise_power(size: int, sigma: float, cutoff: float, floor: float) -> np.ndarray:
    """Eigenvalues of K, (size, size) float64 in HU^2, in the order of `numpy.fft.fft2`; their mean is
    sigma^2.

    L(f) ~ (floor + f) exp(-(f / cutoff)^2), f in cycles per pixel: the ramp of filtered back-projection,
    rounded off by a smooth kernel, with a floor because real noise does not vanish at f = 0 (Riederer, Pelc,
    Chesler, Phys. Med. Biol. 23, 1978; Burgess 2011).
    """
    f = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None, :])
    shape = (floor + f) * np.exp(-((f / cutoff) ** 2))
    return shape * (sigma**2 / shape.mean())


def sample(power: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One field with exactly the covariance K: IDFT(sqrt(L) DFT(white)), (size, size) float64, HU."""
    white = rng.standard_normal(power.shape)
    return np.fft.ifft2(np.sqrt(power) * np.fft.fft2(white)).real


def covariance(power: np.ndarray) -> np.ndarray:
    """K's first row as an image: the covariance of pixel (0, 0) with pixel (i, j), HU^2.

    IDFT of the eigenvalues.
    """
    return np.fft.ifft2(power).real


def template(signal: np.ndarray, power: np.ndarray) -> np.ndarray:
    """The Hotelling template w = K^-1 s, (size, size) float64, 1/HU."""
    return np.fft.ifft2(np.fft.fft2(signal) / power).real


def detectability(signal: np.ndarray, power: np.ndarray) -> float:
    """d' = sqrt(s^T K^-1 s), without a unit."""
    return math.sqrt(float((signal * template(signal, power)).sum()))


def auc(d: float) -> float:
    """Phi(d' / sqrt 2) = (1 + erf(d' / 2)) / 2: area under the ROC curve of two normal laws d' standard
    deviations apart.
    """
    return 0.5 * (1.0 + math.erf(d / 2.0))
