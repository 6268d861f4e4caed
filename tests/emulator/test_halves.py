"""float16 and bfloat16 in PTX against exact fractions, rounded once; what the bits mean is NumPy's word."""

from fractions import Fraction

import numpy as np
import pytest

from tests.emulator.ptx import compute, launch

EVERY = np.arange(1 << 16, dtype=np.uint32)
with np.errstate(invalid="ignore"):
    VALUES = {
        "f16": EVERY.astype(np.uint16).view(np.float16).astype(np.float64),
        "bf16": (EVERY << 16).view(np.float32).astype(np.float64),
    }
DIGITS = {"f16": (11, -14), "bf16": (8, -126)}  # significant bits, the smallest exponent
BITS = {
    kind: {Fraction(v): int(b) for b, v in zip(EVERY, values, strict=True) if np.isfinite(v)}
    for kind, values in VALUES.items()
}
KINDS = pytest.mark.parametrize("kind", ["f16", "bf16"])


def some(kind, n=18):
    """Bits of numbers at the limits and between, of both signs."""
    infinity = 0x7C00 if kind == "f16" else 0x7F80
    normal = 0x0400 if kind == "f16" else 0x0080
    one = 0x3C00 if kind == "f16" else 0x3F80
    edges = [0, 1, normal - 1, normal, infinity - 1, infinity, infinity + 1, one, one + 1, one - 1, one + 2]
    drawn = np.random.default_rng(5).integers(0, infinity, n)
    return np.array([s | b for b in (*edges, *drawn) for s in (0, 0x8000)], np.uint16)


def rounded(value, kind):
    """The bits of a Fraction, rounded to the nearest, halves to even."""
    digits, lowest = DIGITS[kind]
    exponent = abs(value.numerator).bit_length() - value.denominator.bit_length()
    exponent = max(exponent - (abs(value) < Fraction(2) ** exponent), lowest)
    step = Fraction(2) ** (exponent - digits + 1)
    near = round(value / step) * step
    sign = 0x8000 if value < 0 else 0
    if abs(near) >= Fraction(2) ** (2 - lowest):
        return sign | (0x7C00 if kind == "f16" else 0x7F80)
    return sign | (BITS[kind][abs(near)] & 0x7FFF)


def exact(function, kind, *values):
    """The bits of function(*values); None for a NaN."""
    with np.errstate(all="ignore"):
        wide = function(*values)
    if np.isnan(wide):
        return None
    if not all(map(np.isfinite, values)):
        return (0x8000 if wide < 0 else 0) | (0x7C00 if kind == "f16" else 0x7F80) if np.isinf(wide) else int(wide != 0)
    true = function(*map(Fraction, map(float, values)))
    return rounded(true, kind) if true else 0x8000 * bool(np.signbit(wide))


def check(function, kind, got, *operands):
    for out, *bits in zip(got, *operands, strict=True):
        expected = exact(function, kind, *(VALUES[kind][b] for b in bits))
        assert int(out) == (0x7FFF if expected is None else expected), [hex(b) for b in bits]


TWO = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b}


@KINDS
@pytest.mark.parametrize("name", TWO)
def test_of_two_is_rounded_once(name, kind):
    a, b = (x.reshape(-1) for x in np.meshgrid(some(kind), some(kind)))
    check(TWO[name], kind, compute(f"{name}.{kind}", "b16 b16 b16", a, b), a, b)


@KINDS
def test_fma_is_rounded_once(kind):
    drawn = np.random.default_rng(7).permutation(some(kind, 20))
    a, b, c = (x.reshape(-1) for x in np.meshgrid(drawn[:12], drawn[10:22], drawn[20:32]))
    # products that lie halfway between two numbers, and a c that is too small for float64 to keep beside them
    one, tiny = (0x3C01, 0x0001) if kind == "f16" else (0x3F81, 0x0001)
    big = {"f16": 0x7A00, "bf16": 0x7F00}[kind]
    halfway = {"f16": (0x4A01, 0x4A20), "bf16": (0x4F81, 0x4FC0)}[kind]
    extra = [(x, y, s | tiny) for s in (0, 0x8000) for x in (one, big, *halfway) for y in (one, *halfway)]
    more = np.array(extra, np.uint16).T
    a, b, c = (np.concatenate([x, y]) for x, y in zip((a, b, c), more, strict=True))
    got = compute(f"fma.rn.{kind}", "b16 b16 b16 b16", a, b, c)
    check(lambda x, y, z: x * y + z, kind, got, a, b, c)


@KINDS
def test_minima_and_maxima_order_zeros_and_pass_nan_on_only_if_asked(kind):
    a, b = (x.reshape(-1) for x in np.meshgrid(some(kind), some(kind)))
    x, y = VALUES[kind][a], VALUES[kind][b]
    order = np.where(np.isnan(x) | np.isnan(y), np.isnan(x), (x > y) | ((x == y) & (a < b)))  # -0 has the larger bits
    smaller, larger = np.where(order, b, a), np.where(order, a, b)
    none = np.isnan(x) & np.isnan(y)
    number = np.where(np.isnan(x), b, np.where(np.isnan(y), a, 0))
    either = np.isnan(x) | np.isnan(y)
    for name, chosen in (("min", smaller), ("max", larger)):
        plain = np.where(none, 0x7FFF, np.where(either, number, chosen))
        np.testing.assert_array_equal(compute(f"{name}.{kind}", "b16 b16 b16", a, b), plain)
        strict = np.where(either, 0x7FFF, chosen)
        np.testing.assert_array_equal(compute(f"{name}.NaN.{kind}", "b16 b16 b16", a, b), strict)


@KINDS
def test_comparisons(kind):
    a, b = (x.reshape(-1) for x in np.meshgrid(some(kind), some(kind)))
    x, y = VALUES[kind][a], VALUES[kind][b]
    np.testing.assert_array_equal(compute(f"setp.lt.{kind}", "pred b16 b16", a, b), x < y)
    np.testing.assert_array_equal(compute(f"setp.geu.{kind}", "pred b16 b16", a, b), ~(x < y))
    np.testing.assert_array_equal(compute(f"setp.nan.{kind}", "pred b16 b16", a, b), np.isnan(x) | np.isnan(y))
    one = 0x3C00 if kind == "f16" else 0x3F80
    np.testing.assert_array_equal(compute(f"set.eq.{kind}.{kind}", "b16 b16 b16", a, b), np.where(x == y, one, 0))


@KINDS
def test_all_numbers_widen_and_come_back(kind):
    bits = EVERY.astype(np.uint16)
    wide = compute(f"cvt.f32.{kind}", "f32 b16", bits)
    np.testing.assert_array_equal(wide.astype(np.float64), VALUES[kind])
    np.testing.assert_array_equal(np.signbit(wide)[~np.isnan(wide)], np.signbit(VALUES[kind])[~np.isnan(wide)])
    back = compute(f"cvt.rn.{kind}.f32", "b16 f32", wide)
    np.testing.assert_array_equal(back, np.where(np.isnan(wide), 0x7FFF, bits))


@KINDS
@pytest.mark.parametrize("source", ["f32", "f64"])
def test_narrowing_rounds_once_and_as_the_direction_says(kind, source):
    near = np.sort(VALUES[kind][some(kind, 60)])
    near = near[np.isfinite(near)]
    dtype = np.float32 if source == "f32" else np.float64
    x = np.concatenate([near, (near[1:] + near[:-1]) / 2, near * (1 + 2.0**-23), near * 1.3, near * 1e3])
    with np.errstate(over="ignore"):
        x = np.concatenate([x, [65519.996, 65520.0, 1e-8, 2.0**-25, np.nan, np.inf, -np.inf, -0.0]]).astype(dtype)
    x = np.concatenate([x, np.nextafter(x, dtype(0))])
    got = compute(f"cvt.rn.{kind}.{source}", f"b16 {source}", x)
    for out, value in zip(got, x, strict=True):
        expected = exact(lambda a: a, kind, value)
        assert int(out) == (0x7FFF if expected is None else expected), value
    finite = x[np.isfinite(x)].astype(np.float64)
    ways = {w: VALUES[kind][compute(f"cvt.{w}.{kind}.{source}", f"b16 {source}", x)][np.isfinite(x)]
            for w in ("rz", "rm", "rp")}  # fmt: skip
    assert (ways["rm"] <= finite).all()
    assert (ways["rp"] >= finite).all()
    nearest = VALUES[kind][got][np.isfinite(x)]
    np.testing.assert_array_equal(nearest, np.where(nearest > finite, ways["rp"], ways["rm"]))
    np.testing.assert_array_equal(ways["rz"], np.where(finite < 0, ways["rp"], ways["rm"]))


@KINDS
@pytest.mark.parametrize("source", ["s8", "u16", "s32", "u64", "s64"])
def test_integers_are_rounded_once(kind, source):
    width = int(source[1:])
    low, high = (0, 2**width - 1) if source[0] == "u" else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
    odd = [(1 << n) + (1 << n - 8) + d for n in range(9, width) for d in (-1, 0, 1)]  # just beside a half of bfloat16
    odd += [(1 << n) + (1 << n - 11) + d for n in range(12, width) for d in (-1, 0, 1)]
    values = [v for v in (low, low + 1, high, 0, 1, *odd, *(-v for v in odd)) if low <= v <= high]
    dtype = ("u" if source[0] == "u" else "") + f"int{width}"
    got = compute(f"cvt.rn.{kind}.{source}", f"b16 {source}", np.array(values, dtype))
    for out, value in zip(got, values, strict=True):
        assert int(out) == rounded(Fraction(value), kind), value


@KINDS
def test_to_integers_stops_at_the_limits(kind):
    bits = some(kind)
    got = compute(f"cvt.rzi.s32.{kind}", "s32 b16", bits)
    for out, value in zip(got, VALUES[kind][bits], strict=True):
        expected = 0 if np.isnan(value) else int(np.trunc(min(max(value, -(2.0**31)), 2.0**31 - 1)))
        assert int(out) == expected, value


@KINDS
def test_two_to_a_register_are_two_of_one(kind):
    a, b = some(kind), np.roll(some(kind), 3)
    pair = lambda x: x.astype(np.uint32) | (np.roll(x, 5).astype(np.uint32) << 16)  # noqa: E731
    for name in ("add", "mul", "min", "abs", "neg"):
        operands = (a,) if name in ("abs", "neg") else (a, b)
        one = compute(f"{name}.{kind}", "b16" + " b16" * len(operands), *operands)
        two = compute(f"{name}.{kind}x2", "b32" + " b32" * len(operands), *map(pair, operands))
        np.testing.assert_array_equal(two, pair(one))
    x, y = (np.random.default_rng(n).standard_normal(40).astype(np.float32) for n in (1, 2))
    high, low = (compute(f"cvt.rn.{kind}.f32", "b16 f32", v).astype(np.uint32) for v in (x, y))
    np.testing.assert_array_equal(compute(f"cvt.rn.{kind}x2.f32", "b32 f32 f32", x, y), (high << 16) | low)


@KINDS
def test_atomic_additions_are_rounded_each_time(kind):
    one, step = (0x3C00, 0x1000) if kind == "f16" else (0x3F80, 0x3B80)  # a thread's step is a half of the last bit
    body = f"""
        mov.b16 %h1, {one}; mov.b16 %h2, {step}; ld.param.u64 %d5, [kernel_param_3];
        setp.eq.u32 %p1, %r0, 0; @%p1 st.global.b16 [%d5], %h1;
        bar.sync 0;
        atom.global.add.noftz.{kind} %h3, [%d5], %h2;"""
    out = launch(body, [], 8)
    assert int(out[0]) & 0xFFFF == one  # 1 + a half of the last bit is even again
