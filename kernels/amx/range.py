"""For which inputs the bounds of registry.py are proven; the others are computed again in float32.

- 2^-102 <= |x| < 2^127 for every x that is not 0, of both factors: their parts are exact (split.py). NaN and infinity
  are above.
- |x| |k| >= 2^-98: what the unit flushes to 0 (a product, or a sum after one of them) is below 2^-126, and a term takes
  part in 18 operations of its own at most, 6 products in a chain, a pair and a tile each: together less than
  18 * 2^-126 <= 1.2 units of 2^-24 |x k|.
- terms * max|x| * max|k| < 2^126: no sum of parts overflows, in whatever order.
"""

import numpy as np

from kernels.amx.split import LANES

LEAST, MOST = 2.0**-102, 2.0**127
LEAST_PRODUCT, MOST_SUM = 2.0**-98, 2.0**126


def is_proven(left, right, terms):
    """Return whether the extremes of both factors (tasks, 32) and the length of the sums allow the bounds."""
    (low, high), (other_low, other_high) = _magnitudes(left), _magnitudes(right)
    if not (high < MOST and other_high < MOST):  # a NaN compares as False
        return False
    if low < LEAST or other_low < LEAST or low * other_low < LEAST_PRODUCT:
        return False
    return terms * high * other_high < MOST_SUM


def _magnitudes(extremes):
    """Return the smallest magnitude that is not 0 (1 if all are) and the largest."""
    least = (int(extremes[:, LANES:].min(initial=0xFFFFFFFF)) + 1) % 2**32  # 0 again if there is none
    both = np.array([least, extremes[:, :LANES].max(initial=0)], np.uint32).view(np.float32)
    return float(both[0]) or 1.0, float(both[1])
