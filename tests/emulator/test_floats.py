"""PTX floating-point instructions against NumPy, bit for bit: signed zeros, denormals, infinities, NaN, rounding."""

from fractions import Fraction

import numpy as np
import pytest

from tests.emulator.ptx import compute

F32 = np.array(
    [0.0, -0.0, 1.0, -1.0, 1.5, 2.5, -2.5, 0.5, -0.5, 3.0, 1e-45, -1e-45, 1e-40, 1.1754944e-38, 3.4028235e38, 2.0**24,
     -3.4028235e38, np.inf, -np.inf, np.nan, 0.1, 1 + 2**-23, 2147483648.0, -2147483648.0, 4294967296.0, 1e10, -1e20],
    np.float32,
)  # fmt: skip
F64 = np.concatenate([F32.astype(np.float64), [1e-320, 2.0**-1022, 1.7976931348623157e308, 1 + 2.0**-52, 2.0**63, 0.1]])
VALUES = {"f32": F32, "f64": F64}


def pairs(kind):
    values = VALUES[kind]
    return np.repeat(values, len(values)), np.tile(values, len(values))


def same(got, expected):
    """Bit for bit, but any NaN for a NaN."""
    expected = np.asarray(expected).astype(got.dtype)
    bits = f"u{got.itemsize}"
    wrong = (got.view(bits) != expected.view(bits)) & ~(np.isnan(got) & np.isnan(expected))
    assert not wrong.any(), (np.flatnonzero(wrong), got[wrong], expected[wrong])


def smaller(a, b):
    out = np.where(np.isnan(a), b, np.where(np.isnan(b), a, np.minimum(a, b)))
    return np.where((a == 0) & (b == 0), np.where(np.signbit(a) | np.signbit(b), -0.0, 0.0), out)


TWO = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div.rn": np.divide,
    "min": smaller,
    "max": lambda a, b: -smaller(-a, -b),
}


@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("name", TWO)
def test_of_two(name, kind):
    a, b = pairs(kind)
    with np.errstate(all="ignore"):
        same(compute(f"{name}.{kind}", f"{kind} {kind} {kind}", a, b), TWO[name](a, b))


def flush(x):
    return np.where(np.abs(x) < np.float32(1.1754944e-38), np.copysign(np.float32(0), x), x).astype(np.float32)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "min"])
def test_ftz_takes_denormals_for_zeros(name):
    a, b = pairs("f32")
    with np.errstate(all="ignore"):
        same(compute(f"{name}.ftz.f32", "f32 f32 f32", a, b), flush(TWO[name](flush(a), flush(b)).astype(np.float32)))


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_fma_rounds_once(kind):
    eps = np.finfo(kind.replace("f", "float")).eps
    a = np.array([1 + eps, 1 - eps, 3.0, 1e-3, 0.1, -0.1, 1e15], VALUES[kind].dtype)
    a, b, c = (x.reshape(-1) for x in np.meshgrid(a, a, a * a * -1, indexing="ij"))
    got = compute(f"fma.rn.{kind}", f"{kind} {kind} {kind} {kind}", a, b, c)
    exact = [Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z)) for x, y, z in zip(a, b, c, strict=True)]
    for value, out in zip(exact, got, strict=True):
        below, above = np.nextafter(out, -np.inf, dtype=out.dtype), np.nextafter(out, np.inf, dtype=out.dtype)
        error = abs(Fraction(float(out)) - value)
        assert error <= abs(Fraction(float(below)) - value), value
        assert error <= abs(Fraction(float(above)) - value), value


@pytest.mark.parametrize(("way", "sign"), [("rm", -1), ("rp", 1), ("rz", 0)])
def test_directed_rounding_never_passes_the_exact_value(way, sign):
    a, b = (x[np.isfinite(x) & (np.abs(x) < 1e18)] for x in (F32, F32))
    a, b = (x.reshape(-1) for x in np.meshgrid(a * np.float32(1.1), b * np.float32(0.7)))
    for name, function in {"add": lambda x, y: x + y, "mul": lambda x, y: x * y}.items():
        got = compute(f"{name}.{way}.f32", "f32 f32 f32", a, b)
        for x, y, out in zip(a, b, got, strict=True):
            exact = function(Fraction(float(x)), Fraction(float(y)))
            side = sign or (-1 if exact > 0 else 1)
            step = np.nextafter(out, np.float32(side * -np.inf))
            assert (Fraction(float(out)) - exact) * side >= 0, (name, x, y)
            assert (Fraction(float(step)) - exact) * side < 0, (name, x, y)


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_of_one(kind):
    x = VALUES[kind]
    with np.errstate(all="ignore"):
        same(compute(f"neg.{kind}", f"{kind} {kind}", x), -x)
        same(compute(f"abs.{kind}", f"{kind} {kind}", x), np.abs(x))
        same(compute(f"sqrt.rn.{kind}", f"{kind} {kind}", x), np.sqrt(x))
        same(compute(f"rcp.rn.{kind}", f"{kind} {kind}", x), x.dtype.type(1) / x)


def test_approximations_are_within_what_the_manual_allows():
    x = np.array([0.01, 0.5, 1.0, 1.7, 3.0, -0.3, 100.0], np.float32)
    wide = x.astype(np.float64)
    for name, expected in (("ex2.approx", 2.0**wide), ("sin.approx", np.sin(wide)), ("cos.approx", np.cos(wide))):
        got = compute(f"{name}.f32", "f32 f32", x)
        np.testing.assert_allclose(got, expected, rtol=2.0**-22)
    for name, expected in (("lg2.approx", np.log2(np.abs(wide))), ("rsqrt.approx", 1 / np.sqrt(np.abs(wide)))):
        np.testing.assert_allclose(compute(f"{name}.f32", "f32 f32", np.abs(x)), expected, rtol=2.0**-22)
    edges = np.array([0.0, np.inf, -np.inf, np.nan], np.float32)
    same(compute("ex2.approx.f32", "f32 f32", edges), np.array([1, np.inf, 0, np.nan], np.float32))
    same(compute("lg2.approx.f32", "f32 f32", edges[:2]), np.array([-np.inf, np.inf], np.float32))


COMPARE = {"eq": np.equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_comparisons_and_what_they_say_of_a_nan(kind):
    a, b = pairs(kind)
    nan = np.isnan(a) | np.isnan(b)
    for name, function in COMPARE.items():
        plain = compute(f"setp.{name}.{kind}", f"pred {kind} {kind}", a, b)
        either = compute(f"setp.{name}u.{kind}", f"pred {kind} {kind}", a, b)
        np.testing.assert_array_equal(plain, function(a, b))
        np.testing.assert_array_equal(either, function(a, b) | nan)
    np.testing.assert_array_equal(compute(f"setp.ne.{kind}", f"pred {kind} {kind}", a, b), (a != b) & ~nan)
    np.testing.assert_array_equal(compute(f"setp.neu.{kind}", f"pred {kind} {kind}", a, b), (a != b) | nan)
    np.testing.assert_array_equal(compute(f"setp.nan.{kind}", f"pred {kind} {kind}", a, b), nan)
    np.testing.assert_array_equal(compute(f"setp.num.{kind}", f"pred {kind} {kind}", a, b), ~nan)


@pytest.mark.parametrize("source", ["f32", "f64"])
@pytest.mark.parametrize("to", ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"])
def test_to_integers_rounds_and_stops_at_the_limits(to, source):
    x = VALUES[source]
    width = int(to[1:])
    low, high = (0, 2**width - 1) if to[0] == "u" else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
    for way, function in {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}.items():
        got = compute(f"cvt.{way}.{to}.{source}", f"{to} {source}", x)
        for value, out in zip(x.astype(np.float64), got, strict=True):
            inside = 0 if np.isnan(value) else int(function(min(max(value, -1e30), 1e30)))
            expected = min(max(inside, low), high)
            assert int(out) % 2**width == expected % 2**width, (way, value)


@pytest.mark.parametrize("to", ["f32", "f64"])
@pytest.mark.parametrize("source", ["u32", "s32", "u64", "s64"])
@pytest.mark.parametrize(("way", "sign"), [("rm", -1), ("rp", 1), ("rz", 0)])
def test_from_integers_directed_rounding_takes_the_next_number_on_its_side(to, source, way, sign):
    info = np.iinfo(("u" if source[0] == "u" else "") + f"int{source[1:]}")
    whole = (1 << 24) + 1, (1 << 24) - 1, 1 << 24, info.max // 3, info.max // 2 + 1, info.max, info.max - 1, 0, 1
    values = [*whole, *((1 << 53) + n for n in (-1, 0, 1, 3) if info.max > 1 << 53)]
    values += [info.min, info.min + 1, *(-v for v in values)] if info.min else []
    got = compute(f"cvt.{way}.{to}.{source}", f"{to} {source}", np.array(values, info.dtype))
    for value, out in zip(values, got, strict=True):
        side = sign or (-1 if value > 0 else 1)
        step = np.nextafter(out, out.dtype.type(side * -np.inf))
        assert (int(out) - value) * side >= 0, value
        assert (Fraction(float(step)) - value) * side < 0, value


@pytest.mark.parametrize("to", ["f32", "f64"])
@pytest.mark.parametrize("source", ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"])
def test_from_integers_rounds_to_nearest(to, source):
    info = np.iinfo(("u" if source[0] == "u" else "") + f"int{source[1:]}")
    values = np.array([info.min, info.max, 0, 1, info.max // 3, info.max - 1, info.max // 2 + 1], info.dtype)
    got = compute(f"cvt.rn.{to}.{source}", f"{to} {source}", values)
    for value, out in zip(values, got, strict=True):
        near = [np.nextafter(out, s * np.inf, dtype=out.dtype) for s in (-1, 1)]
        assert all(abs(int(out) - int(value)) <= abs(int(n) - int(value)) for n in near), value


def test_between_widths():
    x = np.concatenate([F64, [1e-46, 7e-46, 1e39, 1 + 2.0**-24, 1 + 3 * 2.0**-24, -1e-50]])
    with np.errstate(all="ignore"):
        same(compute("cvt.rn.f32.f64", "f32 f64", x), x.astype(np.float32))
    same(compute("cvt.f64.f32", "f64 f32", F32), F32.astype(np.float64))
    down = compute("cvt.rm.f32.f64", "f32 f64", x)
    up = compute("cvt.rp.f32.f64", "f32 f64", x)
    finite = np.isfinite(x) & (np.abs(x) < 3e38)
    assert (down[finite].astype(np.float64) <= x[finite]).all()
    assert (up[finite].astype(np.float64) >= x[finite]).all()
    assert (up[finite] > down[finite]).sum() > 5
    for way, function in {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}.items():
        same(compute(f"cvt.{way}.f32.f32", "f32 f32", F32), function(F32))
    saturated = compute("cvt.sat.f32.f32", "f32 f32", F32)
    same(saturated, np.where(np.isnan(F32), 0, np.clip(F32, 0, 1) + np.float32(0)))
