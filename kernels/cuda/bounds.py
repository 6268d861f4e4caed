"""The proven error bounds of the variants on tensor cores, with u = 2^-24 and gamma_k = k u / (1 - k u).

A result that float32 computes with m roundings, at most gamma_m * sum|terms| from the exact sum, is here at most

    gamma_(a m + b) * sum|terms|        (a, b) in BOUNDS

from it, if neither a factor nor a product overflows or underflows. Proof.

Left out. A number of p bits is within 2^-p of what it stands for, so of x = x0 + x1 + x2 + ..., |x1| <= 2^-p |x|, and
so on (tensor_core.py). Of |x k|:

    tf32    p = 11   |x k - x0 k0|                          <= 2^-10 + 2^-22              < 16389 u
    tf32x3           |x1 k1| + what x0 + x1 lacks, twice    <= 3 * 2^-22 + 2^-44          < 12.1 u
    bf16x3  p = 8    |x1 k2| + |x2 k1| + |x2 k2|, nothing lacks: 2^-23 + 2^-32            < 2.1 u

Rounded. A product of two such numbers is exact. PTX leaves open in what order they are added and how each sum of at
least single precision is rounded, so one addition may lose 2 u of the sum of magnitudes M. GPUs have been seen to add n
products to the total at once (4 in TF32, 8 in bfloat16), all cut off at the last place of the largest: they lose 2 u M
for each product that is not 0, for the total, and for the new total. A sum of S terms is at most S / n + 1 such groups,
which lose (S + 2 (S / n + 1)) 2 u M = (3 S + 4) u M in TF32 and (2.5 S + 4) u M in bfloat16; one by one, less.
Times the products of a term: 3 S + 4, 9 S + 12, 15 S + 24. M is at most 1.001, 1.002, 1.02 times sum|terms|.

The bias and the parts of long sums are added in float32, one rounding each: fewer than S / 128 + 1.
Integers are exact while sum|terms| < 2^24 and, for tf32, no number is above 2^11: there is nothing to cut off.
"""

# variant -> (a, b)
BOUNDS = {"cuda_tf32": (3.1, 16400.0), "cuda_tf32x3": (9.1, 26.0), "cuda_bf16x3": (15.4, 30.0)}


def roundings(variant: str, m: int) -> int:
    """Return a m + b, rounded up: how many roundings of float32 the variant's error is allowed."""
    a, b = BOUNDS[variant]
    return int(-(-(a * m + b) // 1))
