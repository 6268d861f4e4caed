"""The proven error bounds of the variants on the matrix unit, with u = 2^-24 and gamma_k = k u / (1 - k u).

A result that float32 computes with m roundings, at most gamma_m * sum|terms| from the exact sum, is here at most

    gamma_(a m + b) * sum|terms|        (a, b) in BOUNDS

from it, for every input. Proof. What range.py does not admit is computed in float32: gamma_m. Else x = h + m + l
exactly (split.py), with |h| <= (1 + 2^-8) |x|, |m| <= 2^-8 |x|, |l| <= 2^-17 |x|, and the same for k.

Left out of |x k|:   six products   2 |m l| + |l l|                      <= (2^-24 + 2^-34)          <  1.01 u
                     three          |m m| + 2 |h l| + what six leave out  <= 2^-16 + 2^-16 (1 + 2^-8) + .. <  514 u
                     one            |x k - h h|                           <= 2^-7 + 2^-16              =  131328 u

Rounded: a product of bfloat16 numbers is exact. A step adds 16 of them in a chain from 0 on (15 roundings), then two
chains, then their sum to the tile: n products of a sum with S steps round a term 16 + n S times, 1 with the bias, and
zeros round nothing, so S counts steps with a term that is not 0, S < m. The terms of a pass are as large as its parts:

    six, large   |h h|             <= 1.008 |x k|       17 + S times
         small   2 |h m| + ...     <= 0.0080 |x k|      17 + 6 S times, as S of the large ones' roundings follow
    three        |h h| + 2 |h m|   <= 1.016 |x k|       17 + 3 S times
    one          |h h|             <= 1.008 |x k|       17 + S times

backward_weights adds chunks of steps in float32: no more roundings than if the steps were added. Flushed: 1.2 u
(range.py). The sums of these are below a m + b roundings.

Integers are exact while sum|terms| <= 2^23: by six products, since a product they leave out has a factor above 2^8 and
one above 2^16; by the others, if no number is above 2^8. All parts of integers are integers.
"""

# variant -> (a, b)
BOUNDS = {"cpu_amx": (1.1, 22.0), "cpu_amx_3": (3.1, 533.0), "cpu_amx_bf16": (1.1, 131348.0)}


def roundings(variant: str, m: int) -> int:
    """Return a m + b, rounded up: how many roundings of float32 the variant's error is allowed."""
    a, b = BOUNDS[variant]
    return int(-(-(a * m + b) // 1))
