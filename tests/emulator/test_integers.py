"""PTX integer instructions against Python's exact integers, at the edges: 0, the limits, shifts beyond the width."""

import numpy as np
import pytest

from tests.emulator.ptx import compute

KINDS = ("u16", "s16", "u32", "s32", "u64", "s64")


def limits(kind: str) -> tuple[int, int]:
    width = int(kind[1:])
    return (0, 2**width - 1) if kind[0] in "ub" else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)


def edges(kind: str) -> list[int]:
    low, high = limits(kind)
    found = {low, low + 1, high, high - 1, 0, 1, 2, 3, 7, 10, 16, high // 2, high // 2 + 1, high // 3, *range(30, 34)}
    return sorted(found | {-v for v in found if low <= -v <= high})


def array(values: list[int], kind: str) -> np.ndarray:
    dtype = np.dtype(("int" if kind[0] == "s" else "uint") + kind[1:])
    mask = 2 ** int(kind[1:]) - 1
    return np.array([v & mask for v in values], f"uint{kind[1:]}").view(dtype)


def wrap(value: int, kind: str) -> int:
    width = int(kind[1:])
    value &= 2**width - 1
    return value - 2**width if kind[0] == "s" and value >> (width - 1) else value


def check(opcode, kinds, function, *operands):
    result, *sources = kinds.split()
    got = compute(opcode, kinds, *(array(list(o), k) for o, k in zip(operands, sources, strict=True)))
    for i, row in enumerate(zip(*operands, strict=True)):
        expected = function(*row)
        assert int(got[i]) == (wrap(expected, result) if result != "pred" else int(expected)), (opcode, row)


def pairs(kind, other=None):
    left, right = edges(kind), edges(other or kind)
    return [a for a in left for _ in right], [b for _ in left for b in right]


def truncated(a, b):
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


TWO = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul.lo": lambda a, b: a * b,
    "min": min,
    "max": max,
    "div": truncated,
    "rem": lambda a, b: a - b * truncated(a, b),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TWO)
def test_of_two(name, kind):
    a, b = pairs(kind)
    if name in ("div", "rem"):
        a, b = zip(*[(x, y) for x, y in zip(a, b, strict=True) if y], strict=True)
    check(f"{name}.{kind}", f"{kind} {kind} {kind}", TWO[name], a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_halves_of_a_product(kind):
    a, b = pairs(kind)
    width = int(kind[1:])
    check(f"mul.hi.{kind}", f"{kind} {kind} {kind}", lambda x, y: (x * y) >> width, a, b)
    if width < 64:
        wide = f"{kind[0]}{2 * width}"
        check(f"mul.wide.{kind}", f"{wide} {kind} {kind}", lambda x, y: x * y, a, b)
        c = edges(wide)
        c = [c[i % len(c)] for i in range(len(a))]
        check(f"mad.wide.{kind}", f"{wide} {kind} {kind} {wide}", lambda x, y, z: x * y + z, a, b, c)
    c = a[::-1]
    check(f"mad.lo.{kind}", f"{kind} {kind} {kind} {kind}", lambda x, y, z: x * y + z, a, b, c)
    if width > 16:
        check(f"mad.hi.{kind}", f"{kind} {kind} {kind} {kind}", lambda x, y, z: ((x * y) >> width) + z, a, b, c)


@pytest.mark.parametrize("width", [16, 32, 64])
def test_shifts_by_the_width_and_more(width):
    a, n = pairs(f"u{width}", "u32")
    check(f"shl.b{width}", f"u{width} u{width} u32", lambda x, k: x << k if k < width else 0, a, n)
    check(f"shr.u{width}", f"u{width} u{width} u32", lambda x, k: x >> min(k, width), a, n)
    a, n = pairs(f"s{width}", "u32")
    check(f"shr.s{width}", f"s{width} s{width} u32", lambda x, k: x >> min(k, width), a, n)


@pytest.mark.parametrize("width", [16, 32, 64])
def test_bits(width):
    kind = f"u{width}"
    a, b = pairs(kind)
    for name, function in {"and": int.__and__, "or": int.__or__, "xor": int.__xor__}.items():
        check(f"{name}.b{width}", f"{kind} {kind} {kind}", function, a, b)
    check(f"not.b{width}", f"{kind} {kind}", lambda x: ~x, edges(kind))
    check(f"neg.s{width}", f"s{width} s{width}", lambda x: -x, edges(f"s{width}"))
    check(f"abs.s{width}", f"s{width} s{width}", abs, edges(f"s{width}"))
    if width > 16:
        check(f"popc.b{width}", f"u32 {kind}", lambda x: x.bit_count(), edges(kind))
        check(f"clz.b{width}", f"u32 {kind}", lambda x: width - x.bit_length(), edges(kind))
        check(f"brev.b{width}", f"{kind} {kind}", lambda x: int(f"{x:0{width}b}"[::-1], 2), edges(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_comparisons(kind):
    a, b = pairs(kind)
    names = {"eq": int.__eq__, "ne": int.__ne__, "lt": int.__lt__, "le": int.__le__, "gt": int.__gt__, "ge": int.__ge__}
    for name, function in names.items():
        check(f"setp.{name}.{kind}", f"pred {kind} {kind}", function, a, b)
    if kind[0] == "u":
        for name, function in {"lo": int.__lt__, "ls": int.__le__, "hi": int.__gt__, "hs": int.__ge__}.items():
            check(f"setp.{name}.{kind}", f"pred {kind} {kind}", function, a, b)


def top(value):
    """Where the highest bit stands that is not the sign's; all ones if there is none."""
    return (value if value >= 0 else ~value).bit_length() - 1 & (1 << 32) - 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_selects_or_finds_by_a_comparison(kind):
    a, b = pairs(kind)
    width = int(kind[1:])
    check(f"sad.{kind}", f"{kind} {kind} {kind} {kind}", lambda x, y, z: z + abs(x - y), a, b, a[::-1])
    check(f"cnot.b{width}", f"u{width} u{width}", lambda x: int(x == 0), edges(f"u{width}"))
    if width > 16:
        signs = [edges("s32")[i % len(edges("s32"))] for i in range(len(a))]
        check(f"bfind.{kind}", f"u32 {kind}", lambda x: top(x), edges(kind))
        check(
            f"bfind.shiftamt.{kind}", f"u32 {kind}",
            lambda x: width - 1 - top(x) if x not in (0, -1) else 2**32 - 1, edges(kind),
        )  # fmt: skip
        check(f"slct.{kind}.s32", f"{kind} {kind} {kind} s32", lambda x, y, z: x if z >= 0 else y, a, b, signs)
        check(f"set.lt.u32.{kind}", f"u32 {kind} {kind}", lambda x, y: 2**32 - 1 if x < y else 0, a, b)


def field(a, position, length, width, signed):
    """bfe, as the PTX manual states it: bit by bit."""
    top = min(position + length - 1, width - 1)
    sign = 0 if not signed or length == 0 else (a >> top) & 1
    bits = [(a >> (position + i)) & 1 if i < length and position + i < width else sign for i in range(width)]
    return sum(bit << i for i, bit in enumerate(bits))


@pytest.mark.parametrize("width", [32, 64])
def test_bit_fields(width):
    spots = [0, 1, 5, 8, 31, 32, 33, 63, 64, 255]
    rows = [(a, p, n) for a in (0, 2**width - 1, 0x9E3779B97F4A7C15 % 2**width) for p in spots for n in spots]
    a, p, n = zip(*rows, strict=True)
    for sign in "us":
        check(
            f"bfe.{sign}{width}", f"u{width} u{width} u32 u32",
            lambda x, q, k, sign=sign: field(x, q, k, width, sign == "s"), a, p, n,
        )  # fmt: skip


def test_bytes_are_permuted():
    selectors = [0x3210, 0x7654, 0x0123, 0x8888, 0xF0F7, 0x4567, 0x5410]
    a, b = [0x80FF017F] * len(selectors), [0x12345698] * len(selectors)

    def expected(x, y, s):
        both = (y << 32 | x).to_bytes(8, "little")
        out = []
        for i in range(4):
            pick = s >> 4 * i & 15
            byte = both[pick & 7]
            out.append((255 if byte & 128 else 0) if pick & 8 else byte)
        return int.from_bytes(bytes(out), "little")

    check("prmt.b32", "u32 u32 u32 u32", expected, a, b, selectors)


@pytest.mark.parametrize("amount", [0, 1, 31, 32, 33, 63, 64, 1000])
def test_funnel_shifts(amount):
    a, b = pairs("u32")
    n = [amount] * len(a)
    for how, limit in (("wrap", amount % 32), ("clamp", min(amount, 32))):
        check(f"shf.l.{how}.b32", "u32 u32 u32 u32", lambda x, y, _, k=limit: ((y << 32 | x) << k) >> 32, a, b, n)
        check(f"shf.r.{how}.b32", "u32 u32 u32 u32", lambda x, y, _, k=limit: (y << 32 | x) >> k, a, b, n)


@pytest.mark.parametrize("source", ["u8", "s8", *KINDS])
@pytest.mark.parametrize("to", ["u8", "s8", *KINDS])
def test_widths_change(to, source):
    values = edges(source)
    operand = array(values, source)
    got = compute(f"cvt.{to}.{source}", f"{to} {source}", operand)
    for value, out in zip(values, got, strict=True):
        assert wrap(int(out), to) == wrap(value, to), value
        if to == "u8":  # in a 16-bit register: zeros above
            assert int(out) == value & 255
