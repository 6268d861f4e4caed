"""The constant matrices of Winograd's F(2x2,3x3) and F(4x4,3x3): y = A^T [(G k G^T) * (B x B^T)] A.

B (t,t), G (t,3), A (m,t), t = m + 2. Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016.
"""

import numpy as np

NAMES = ("B", "G", "A", "GT", "AT")

_B2 = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]
_G2 = [[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]
_A2 = [[1, 1, 1, 0], [0, 1, -1, -1]]
_B4 = [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]
_G4 = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
_A4 = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
_NUMBERS = {2: (_B2, _G2, 2, _A2), 4: (_B4, _G4, 24, _A4)}


def matrices(m: int) -> tuple[np.ndarray, ...]:
    """B (t,t), G (t,3), A (m,t), G^T (3,t) and A^T (t,m) for squares of m x m outputs, in float64; m = 2 or 4."""
    B, G, divisor, A = _NUMBERS[m]
    b, g, a = np.array(B, float), np.array(G, float) / divisor, np.array(A, float)
    return b, g, a, g.T, a.T
