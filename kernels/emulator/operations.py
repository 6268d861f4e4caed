"""THE table of arithmetic: what each PTX instruction computes from its operands a, b, c. One line an instruction.

`dispatch` turns the table into compiled code. A type of the table is a register's: u16..u64 and s16..s64, f32, f64, p
(a predicate), and f16 and bf16, whose values are float64 in an expression, rounded when they are stored. Signed and
unsigned share a line where the bits are the same; `lowering` knows the other names.
"""

import re
from typing import NamedTuple

from kernels.algebra.arithmetic import ARGUMENTS


class Operation(NamedTuple):
    """`expression` of a, b, c with the types `arguments`, stored with the type `result`."""

    result: str
    arguments: tuple[str, ...]
    expression: str


INTEGERS: dict[str, Operation] = {}
FLOATS: dict[str, Operation] = {}
CONVERSIONS: dict[str, Operation] = {}

_WHOLE = {"rni": "even(a)", "rzi": "np.trunc(a)", "rmi": "np.floor(a)", "rpi": "np.ceil(a)"}
_COMPARE = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def _integers() -> None:
    def put(name: str, result: str, arguments: str, expression: str) -> None:
        INTEGERS[name] = Operation(result, tuple(arguments.split()), expression)

    for width in (16, 32, 64):
        u, s = f"u{width}", f"s{width}"
        for name, sign in (("add", "+"), ("sub", "-"), ("mul.lo", "*"), ("and", "&"), ("or", "|"), ("xor", "^")):
            put(f"{name}.{u}", u, f"{u} {u}", f"a {sign} b")
        put(f"mad.lo.{u}", u, f"{u} {u} {u}", "a * b + c")
        put(f"not.{u}", u, u, "~a")
        put(f"neg.{u}", u, "u64", "u64(0) - a")
        put(f"abs.{s}", u, s, "magnitude(s64(a))")
        put(f"shl.{u}", u, f"{u} u32", f"shl(u64(a), s64(b), {width})")
        put(f"shr.{u}", u, f"{u} u32", f"ushr(u64(a), s64(b), {width})")
        put(f"shr.{s}", s, f"{s} u32", f"sshr(s64(a), s64(b), {width})")
        for t, full in ((u, "u64"), (s, "s64")):
            put(f"min.{t}", t, f"{t} {t}", "a if a < b else b")
            put(f"max.{t}", t, f"{t} {t}", "a if a > b else b")
            put(f"div.{t}", u, f"{t} {t}", f"{t[0]}div({full}(a), {full}(b))")
            put(f"rem.{t}", u, f"{t} {t}", f"{t[0]}rem({full}(a), {full}(b))")
            for compare, sign in _COMPARE.items():
                if t == u or compare not in ("eq", "ne"):
                    put(f"setp.{compare}.{t}", "p", f"{t} {t}", f"a {sign} b")
            if width < 64:
                wide = f"{t[0]}{2 * width}"
                product = f"{full}(a) * {full}(b)"
                put(f"mul.hi.{t}", u, f"{t} {t}", f"({product}) >> {full}({width})")
                put(f"mul.wide.{t}", wide, f"{t} {t}", product)
                put(f"mad.wide.{t}", wide, f"{t} {t} {wide}", f"{product} + {full}(c)")
                put(f"mad.hi.{t}", u, f"{t} {t} {t}", f"(({product}) >> {full}({width})) + {full}(c)")
            else:
                put(f"mul.hi.{t}", u, f"{t} {t}", f"{t[0]}mulhi(a, b)")
                put(f"mad.hi.{t}", u, f"{t} {t} u64", f"{t[0]}mulhi(a, b) + c")
            if width > 16:
                signed = t == s
                put(f"bfe.{t}", u, f"{u} u32 u32", f"extract(u64(a), s64(b), s64(c), {width}, {signed})")
                ones = "u64(a if a >= s64(0) else ~a)" if signed else "u64(a)"
                put(f"bfind.{t}", "u32", t, f"highest({ones}, {width}, False)")
                put(f"bfind.shiftamt.{t}", "u32", t, f"highest({ones}, {width}, True)")
            put(f"sad.{t}", u, f"{t} {t} {u}", "u64(c) + (u64(a) - u64(b) if a > b else u64(b) - u64(a))")
        if width > 16:
            put(f"popc.b{width}", "u32", u, "bits_set(u64(a))")
            put(f"clz.b{width}", "u32", u, f"leading_zeros(u64(a), {width})")
            put(f"brev.b{width}", u, u, f"reverse(u64(a), {width})")
            put(f"bfi.b{width}", u, f"{u} {u} u32 u32", f"insert(u64(a), u64(b), s64(c), s64(e), {width})")
    for name, sign in (("and", "and"), ("or", "or"), ("xor", "!=")):
        put(f"{name}.pred", "p", "p p", f"a {sign} b")
    put("not.pred", "p", "p", "not a")
    put("mov", "u64", "u64", "a")
    put("selp", "u64", "u64 u64 p", "a if c else b")
    put("pack.u64", "u64", "u32 u32", "u64(a) | (u64(b) << u64(32))")
    put("pack.u32", "u32", "u16 u16", "u64(a) | (u64(b) << u64(16))")
    put("prmt.b32", "u32", "u32 u32 u32", "permute(u64(a), u64(b), u64(c))")
    put("lop3.b32", "u32", "u32 u32 u32 u32", "look_up(u64(a), u64(b), u64(c), u64(e))")
    for how, amount in (("wrap", "(c & u32(31))"), ("clamp", "(c if c < u32(32) else u32(32))")):
        both = "((u64(b) << u64(32)) | u64(a))"
        put(f"shf.l.{how}.b32", "u32", "u32 u32 u32", f"({both} >> u64(32) - u64{amount})")
        put(f"shf.r.{how}.b32", "u32", "u32 u32 u32", f"({both} >> u64{amount})")
    # the carry flag is a register of 0 or 1; e is what came in
    for width in (32, 64):
        u = f"u{width}"
        put(f"carry.add.{u}", "u32", f"{u} {u} u32", f"carry_add(u64(a), u64(b), u64(c), {width})")
        put(f"carry.sub.{u}", "u32", f"{u} {u} u32", "u64(u64(a) < u64(b)) | u64((u64(a) == u64(b)) and c != u32(0))")
        put(f"addc.{u}", u, f"{u} {u} u32", "u64(a) + u64(b) + u64(c)")
        put(f"subc.{u}", u, f"{u} {u} u32", "u64(a) - u64(b) - u64(c)")


def _floats() -> None:
    def put(name: str, t: str, arguments: str, expression: str, result: str | None = None) -> None:
        FLOATS[name] = Operation(result or t, tuple(arguments.split()), expression)
        if t == "f32":  # .ftz: denormals in and out are zeros
            flushed = f"z(f32_({expression}))" if (result or t) == "f32" else expression
            for letter, kind in zip("abc", arguments.split(), strict=False):
                if kind == "f32":
                    flushed = "".join(f"z({x})" if x == letter else x for x in _words(flushed))
            FLOATS[name.replace(".f32", ".ftz.f32")] = Operation(result or t, tuple(arguments.split()), flushed)

    for t, wide in (("f32", "f64_"), ("f64", "f64_")):
        cast = f"{t}_"
        for name, sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("div", "/")):
            put(f"{name}.{t}", t, f"{t} {t}", f"a {sign} b")
        put(f"fma.{t}", t, f"{t} {t} {t}", "fma(a, b, c)")
        for name, function in (("min", "minimum"), ("max", "maximum")):
            put(f"{name}.{t}", t, f"{t} {t}", f"{function}(a, b)")
            put(f"{name}.NaN.{t}", t, f"{t} {t}", f"{function}(a, b) if a == a and b == b else a + b")
        put(f"abs.{t}", t, t, "abs(a)")
        put(f"neg.{t}", t, t, "-a")
        put(f"sqrt.{t}", t, t, "np.sqrt(a)")
        put(f"rcp.{t}", t, t, f"{cast}(1) / a")
        put(f"rsqrt.{t}", t, t, f"{cast}({wide}(1) / np.sqrt({wide}(a)))")
        put(f"copysign.{t}", t, f"{t} {t}", f"{cast}(math.copysign(b, a))")
        for name, expression in _comparisons().items():
            put(f"setp.{name}.{t}", t, f"{t} {t}", expression, "p")
        for test, expression in (
            ("finite", "abs(a) < math.inf"),
            ("infinite", "abs(a) == math.inf"),
            ("notanumber", "a != a"),
        ):
            put(f"testp.{test}.{t}", t, t, expression, "p")
    functions = {"ex2": "2.0 ** {}", "lg2": "np.log2({})", "sin": "math.sin({})", "cos": "math.cos({})"}
    for name, function in functions.items():
        put(f"{name}.f32", "f32", "f32", f"f32_({function.format('f64_(a)')})")
    put("tanh.f32", "f32", "f32", "f32_(math.tanh(f64_(a)))")
    for mode, way in enumerate(("rz", "rm", "rp")):
        put(f"add.{way}.f32", "f32", "f32 f32", f"add_directed(f64_(a), f64_(b), {mode})")
        put(f"sub.{way}.f32", "f32", "f32 f32", f"add_directed(f64_(a), -f64_(b), {mode})")
        put(f"mul.{way}.f32", "f32", "f32 f32", f"directed(f64_(a) * f64_(b), 0.0, {mode})")
        put(f"fma.{way}.f32", "f32", "f32 f32 f32", f"add_directed(f64_(a) * f64_(b), f64_(c), {mode})")


def _comparisons() -> dict[str, str]:
    """Return what each comparison of floating-point numbers is."""
    ordered = {name: f"a {sign} b" if name != "ne" else "a < b or a > b" for name, sign in _COMPARE.items()}
    either = {f"{name}u": f"({expression}) or a != a or b != b" for name, expression in ordered.items()}
    return ordered | either | {"num": "a == a and b == b", "nan": "a != a or b != b"}


def _halves() -> None:
    """Enter float16 and bfloat16: a sum is rounded to odd, so that rounding it when it is stored is right."""
    for t in ("f16", "bf16"):
        two = (t, t)
        FLOATS[f"add.{t}"] = Operation(t, two, "sum_to_odd(a, b)")
        FLOATS[f"sub.{t}"] = Operation(t, two, "sum_to_odd(a, -b)")
        FLOATS[f"mul.{t}"] = Operation(t, two, "a * b")
        FLOATS[f"fma.{t}"] = Operation(t, (*two, t), "sum_to_odd(a * b, c)")
        FLOATS[f"ex2.{t}"] = Operation(t, (t,), "2.0 ** a")
        FLOATS[f"tanh.{t}"] = Operation(t, (t,), "math.tanh(a)")
        FLOATS[f"neg.{t}"] = Operation("u16", ("u16",), "a ^ u16(0x8000)")
        FLOATS[f"abs.{t}"] = Operation("u16", ("u16",), "a & u16(0x7FFF)")
        for name, function in (("min", "minimum"), ("max", "maximum")):
            FLOATS[f"{name}.{t}"] = Operation(t, two, f"{function}(a, b)")
            FLOATS[f"{name}.NaN.{t}"] = Operation(t, two, f"{function}(a, b) if a == a and b == b else a + b")
        for name, expression in _comparisons().items():
            FLOATS[f"setp.{name}.{t}"] = Operation("p", two, expression)

    FLOATS["ex2.ftz.bf16"] = Operation("bf16", ("bf16",), "2.0 ** a if a >= -126.0 or a != a else 0.0")


def _algebra() -> None:
    """Enter the operations of kernels.algebra: in what arithmetic, says the operand e, their `world`."""
    for name, count in ARGUMENTS.items():
        letters = "abc"[:count]
        arguments = ("s64",) * count + ("p",) * (3 - count) + ("s64",)
        FLOATS[f"algebra.{name}"] = Operation("s64", arguments, f"algebra_{name}({', '.join(letters)}, e)")
    for kind in ("s32", "u32", "s64", "u64", "s16", "u16", "s8", "u8"):
        FLOATS[f"algebra.{kind}"] = Operation("s64", (kind, "p", "p", "s64"), "algebra_constant(f64_(a), 0, e)")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|\W", text)


def _conversions() -> None:
    def put(name: str, result: str, argument: str, expression: str) -> None:
        CONVERSIONS[name] = Operation(result, (argument,), expression)

    for width in (8, 16, 32, 64):
        for t in (f"u{width}", f"s{width}"):
            put(f"extend.{t}", "u64" if t[0] == "u" else "s64", t, "a")
            put(f"f32.{t}", "f32", t, "f32_(a)")
            put(f"f64.{t}", "f64", t, "f64_(a)")
            number = "u64(a), False" if t[0] == "u" else "magnitude(s64(a)), a < s64(0)"
            for mode, way in enumerate(("rz", "rm", "rp")):
                for to, digits in (("f32", 24), ("f64", 53)):
                    put(f"{to}.{way}.{t}", to, t, f"directed_integer({number}, {digits}, {mode})")
            low = 0.0 if t[0] == "u" else -(2.0 ** (width - 1))
            high = 2**width - 1 if t[0] == "u" else 2 ** (width - 1) - 1
            # the limit as a float64 that no smaller integer rounds to
            limit = float(high) if width < 64 else float(high + 1)
            put(f"clamp.{t}", "u64", "f64", f"to_integer(a, {low!r}, {limit!r}, u64({high}))")
    for t in ("f32", "f64"):
        for way, expression in _WHOLE.items():
            put(f"{way}.{t}", "f64", t, _wide(expression))
            put(f"{way}.to.{t}", t, t, f"{t}_({_wide(expression)})")
        put(f"sat.{t}", t, t, f"minimum(maximum(a, {t}_(0)), {t}_(1)) if a == a else {t}_(0)")
    put("flush.f32", "f32", "f32", "z(a)")
    put("f64.f32", "f64", "f32", "f64_(a)")
    put("f32.f64", "f32", "f64", "f32_(a)")
    put("rna.tf32.f32", "u32", "u32", "to_tf32(a)")
    for mode, way in enumerate(("rz", "rm", "rp")):
        put(f"f32.{way}.f64", "f32", "f64", f"directed(a, 0.0, {mode})")


def _half_conversions() -> None:
    for t, other in (("f16", "bf16"), ("bf16", "f16")):
        table = {f"f32.{t}": Operation("f32", (t,), "f32_(a)"), f"f64.{t}": Operation("f64", (t,), "a")}
        table |= {f"{t}.{source}": Operation(t, (source,), "f64_(a)") for source in ("f32", "f64", other)}
        for mode, way in enumerate(("rz", "rm", "rp"), 1):
            for source in ("f32", "f64", other):
                table[f"{t}.{way}.{source}"] = Operation("u16", (source,), f"to_{t}(f64_(a), {mode})")
        for width in (8, 16, 32, 64):
            table[f"{t}.u{width}"] = Operation(t, (f"u{width}",), "integer_to_odd(u64(a))")
            table[f"{t}.s{width}"] = Operation(t, (f"s{width}",), "signed_to_odd(s64(a))")
        for way, expression in _WHOLE.items():
            table[f"{way}.{t}"] = Operation("f64", (t,), expression)
            table[f"{way}.to.{t}"] = Operation(t, (t,), expression)
        table[f"sat.{t}"] = Operation(t, (t,), "minimum(maximum(a, 0.0), 1.0) if a == a else 0.0")
        table[f"relu.{t}"] = Operation(t, (t,), "a if a > 0.0 or a != a else 0.0")
        both = f"(to_{t}(f64_(a), 0) << u64(16)) | to_{t}(f64_(b), 0)"
        table[f"rn.{t}x2.f32"] = Operation("u32", ("f32", "f32"), both)
        CONVERSIONS.update(table)


def _wide(expression: str) -> str:
    return expression.replace("(a)", "(f64_(a))")


_integers()
_floats()
_halves()
_algebra()
_conversions()
_half_conversions()
