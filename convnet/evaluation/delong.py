"""DeLong's test for a difference between two models' areas under the ROC curve, measured on the same images."""

from __future__ import annotations

from typing import Any

import numpy as np


def components(truth: np.ndarray, scores: np.ndarray) -> tuple[float, np.ndarray]:
    """Return (area, (N,) structural components), computed from midranks in O(N log N).

    The component of a yes is the share of noes below it, that of a no the share of yeses above it; ties count a half.

    Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44:837, 1988; Sun & Xu, IEEE Signal Proc. Lett. 21:1389, 2014.
    """
    from scipy.stats import rankdata

    yes, no = scores[truth], scores[~truth]
    if not len(yes) or not len(no):
        raise ValueError("compare: the images are all of one class: the area under the ROC curve is not defined")
    ranks, out = rankdata(scores), np.empty(len(scores))
    out[truth] = (ranks[truth] - rankdata(yes)) / len(no)
    out[~truth] = 1 - (ranks[~truth] - rankdata(no)) / len(yes)
    return float(out[truth].mean()), out


def covariance(truth: np.ndarray, scores: list[np.ndarray], groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (areas (M,), their covariance (M,M)) of M models' scores of the same images.

    With V the components, sums over a patient's images of V - area for its m yeses, D10, and n noes, D01:
        S10 = I10/((I10-1) m) sum D10 D10',  S01 = I01/((I01-1) n) sum D01 D01',  S11 = I/(I-1) sum D10 D01'
        covariance = S10/m + S01/n + (S11 + S11')/(m n)
    m, n yeses and noes, I patients, I10 and I01 of them with a yes and with a no. Source: Obuchowski, Biometrics
    53:567, 1997; where every patient has one image it is DeLong's.
    """
    found = [components(truth, s) for s in scores]
    areas, V = np.array([a for a, _ in found]), np.stack([v for _, v in found])
    names, of = np.unique(groups, return_inverse=True)

    def sums(at: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(of[at], v[at] - a, len(names)) for a, v in zip(areas, V, strict=True)])

    yes, no = sums(truth), sums(~truth)
    m, n = int(truth.sum()), int((~truth).sum())
    I10, I01, both = len(np.unique(of[truth])), len(np.unique(of[~truth])), len(names)
    if min(I10, I01) < 2:
        raise ValueError("compare: needs two patients or more of each class")
    S10, S01 = I10 / (I10 - 1) / m * yes @ yes.T, I01 / (I01 - 1) / n * no @ no.T
    S11 = both / (both - 1) * yes @ no.T
    return areas, S10 / m + S01 / n + (S11 + S11.T) / (m * n)


def compare(truth: np.ndarray, a: np.ndarray, b: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Return the areas of two models, the difference a - b with its 95% interval, z, and the two-sided p.

    truth (N,) bool; a, b: the models' scores (N,); groups: a number for each patient

    p is None where the two rank all images alike: then there is nothing to test.
    """
    from scipy.stats import norm

    areas, cov = covariance(truth, [a, b], groups)
    difference = float(areas[0] - areas[1])
    variance = float(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    out: dict[str, Any] = {"auc": areas.tolist(), "se": np.sqrt(np.diag(cov)).tolist(), "difference": difference}
    if variance <= 1e-15:
        return {**out, "low": None, "high": None, "z": None, "p": None}
    error = np.sqrt(variance)
    z, half = difference / error, float(norm.ppf(0.975)) * error
    p = float(2 * norm.sf(abs(z)))
    return {**out, "low": difference - half, "high": difference + half, "z": float(z), "p": p}
