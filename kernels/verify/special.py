"""What a pass makes of NaN, of infinity, and of the smallest and largest numbers."""

from __future__ import annotations

import numpy as np

from kernels.verify.implementation import FromFile
from kernels.verify.problem import Operation, Problem, exact
from kernels.verify.properties import Implementation, Measured, raise_first, results

SPOILT = 3  # times that each problem is spoilt, each time in other places


def special(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check that NaN and infinity reach just the numbers whose formula holds them, and that -0 is a 0.

    All other numbers are integers: what is not reached agrees bit for bit, if the operation is a sum or a choice.
    Whether NaN and infinity meet the zeros of a padding is the formula's reader's choice. Ours leave the padding out on
    the CPU, and have it on a GPU; a user's kernel may do either.
    """
    own = not isinstance(impl, FromFile) and impl.target == "cpu"
    but = () if own else op.meet_padding.get(name, ())
    for seed in range(SPOILT):
        if (name, seed, but) not in p.known:  # made once for all variants
            p.known[name, seed, but] = op.spoil(name, p, np.random.default_rng(seed), but)
        q = p.known[name, seed, but]
        with np.errstate(all="ignore"):
            expected = exact(op, name, q)
        for result, a, e in zip(op.passes[name], results(op, impl, name, q), expected, strict=True):
            with np.errstate(all="ignore"):
                same = (a == e.astype(a.dtype)) | (np.isnan(a) & np.isnan(e))
                if not op.linear:  # spoilt, its integers have no exact results
                    same |= np.isfinite(a) & np.isfinite(e)
            raise_first("NaN and infinity are kept", result, a, e, ~same)
    return Measured()


def scales(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check that a power of two on the arrays in which a pass is linear passes through, to the ends of the range.

    Nothing is rounded, down to denormal numbers and up to the largest: so none is flushed, and no sum overflows.
    """
    plain, info = results(op, impl, name, p), np.finfo(p.dtype)
    # a few bits of room: results may be smaller fractions than 1, and larger than the numbers they are made of
    for exponent in (info.minexp - info.nmant + 8, info.minexp - 3, info.maxexp - 24):
        factor = np.ldexp(p.dtype.type(1), exponent)
        scaled = p.replace(**{a: factor * p[a] for a in op.scaled[name] if a in p.arrays})
        for result, a, one in zip(op.passes[name], results(op, impl, name, scaled), plain, strict=True):
            e = factor * one if a.dtype.kind == "f" else one
            with np.errstate(all="ignore"):
                raise_first("denormal and large numbers are exact", result, a, e, a != e, f", all times 2^{exponent}")
    return Measured()
