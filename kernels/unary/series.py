"""The coefficients of the polynomials by which the formulas reach functions that are not arithmetic."""

import math

# Phi(-a) = exp(-a^2/2) t P(2 t - 1) with t = 1 / (1 + a/4): the Chebyshev series of degree 23 on 0 < t <= 1, written
# out in powers, the highest first; its relative error is 1.2e-16 (tests/kernels/test_unary.py checks it)
TAIL = (
    (
        3.012641986924632e-11,
        -4.2222723200214504e-10,
        1.461112159016119e-10,
        4.017178760735064e-09,
        -4.459483022444145e-09,
        -1.9696656759864254e-08,
        3.994110641073377e-08,
        6.618440175839422e-08,
    ),
    (
        -2.5619424078669206e-07,
        -1.5623954693704687e-07,
        1.4804016328188556e-06,
        1.7865092968114973e-07,
        -8.786277566706624e-06,
        -4.769191349575445e-07,
        5.777375424587015e-05,
        3.333605231572893e-05,
    ),
    (
        -0.0004077046168391029,
        -0.0008699230891658866,
        0.001885047241845535,
        0.01509914372259041,
        0.04663046448990919,
        0.09678435018555664,
        0.15197416049297308,
        0.18882128260393785,
    ),
)
# of (e^x - 1) / x for |x| < 1/2, and of atanh(z) / z in z^2 for |z| <= 1/3
SMALL = tuple(tuple(1 / math.factorial(n - k) for k in range(8)) for n in (16, 8))
ODD = tuple(tuple(1 / (n - 2 * k) for k in range(8)) for n in (31, 15))
