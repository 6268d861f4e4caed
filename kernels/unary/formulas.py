"""Each function and its slope for one number: plain arithmetic and exp, compiled for CPU and GPU alike.

f holds the function's numbers (functions.py), x is one float32 or float64, and every constant is rounded to x's type.
There is no branch that a vector instruction could not take: both sides are computed, one is selected. |x| is cut where
the result no longer depends on it, so that no infinity meets a zero. A NaN fails every comparison, and so it stays.
"""

import math
from collections.abc import Callable

from numba.extending import register_jitable

from kernels.cpu.exponential import exp
from kernels.jit import FASTMATH
from kernels.unary import functions
from kernels.unary.series import ODD, SMALL, TAIL

# forceinline: a call would keep a loop from becoming SIMD code
scalar = register_jitable(fastmath=FASTMATH, error_model="numpy", forceinline=True)

ROUND32, ROUND64 = 1.5 * 2.0**19, 1.5 * 2.0**44  # adding and subtracting one rounds to multiples of 1/16, 1/256
FAR = 40.0  # e^(-FAR^2 / 2) is 0 in float64
LARGE = 1e4  # e^-LARGE is 0
STEEP = 2 * math.sqrt(2 / math.pi)
NORMAL = 1 / math.sqrt(2 * math.pi)


@scalar
def eight(total, c, x):
    """Continue a polynomial at x, the highest power first, by eight coefficients."""
    t = type(x)
    total = (((total * x + t(c[0])) * x + t(c[1])) * x + t(c[2])) * x + t(c[3])
    return (((total * x + t(c[4])) * x + t(c[5])) * x + t(c[6])) * x + t(c[7])


@scalar
def power(x):
    """Return e^x."""
    return exp(x)


@scalar
def expm1(x):
    """Return e^x - 1, with all digits near 0."""
    near, far = x * eight(eight(type(x)(0), SMALL[0], x), SMALL[1], x), power(x) - type(x)(1)
    return near if abs(x) < type(x)(0.5) else far


@scalar
def log1p(e):
    """Return log(1 + e) for 0 <= e <= 1: 2 atanh(z) with z = e / (2 + e)."""
    z = e / (type(e)(2) + e)
    s = z * z
    return type(e)(2) * z * eight(eight(type(e)(0), ODD[0], s), ODD[1], s)


@scalar
def bell(a):
    """Return power(-a^2/2) for 0 <= a <= FAR: a is split, so that the square's rounding is not multiplied by it."""
    t = type(a)
    shift = t(ROUND32) if t(1) + t(1e-10) == t(1) else t(ROUND64)
    high = (a + shift) - shift
    return power(t(-0.5) * high * high) * power(t(-0.5) * (a - high) * (a + high))


@scalar
def tail(a):
    """Return Phi(-a) / power(-a^2/2) for a >= 0."""
    one = type(a)(1)
    u = one / (one + a * type(a)(0.25))
    v = u + u - one
    return u * eight(eight(eight(type(a)(0), TAIL[0], v), TAIL[1], v), TAIL[2], v)


@scalar
def logistic(x, e):
    """Return sigmoid(x), where e = power(-|x|)."""
    one = type(x)(1)
    return (e if x < type(x)(0) else one) / (one + e)


@scalar
def logistic_slope(e):
    """Return sigmoid's slope at x, where e = power(-|x|)."""
    one = type(e)(1)
    return e / ((one + e) * (one + e))


@scalar
def within(x, limit):
    """Return x, held between -limit and limit."""
    high = type(x)(limit)
    x = high if x > high else x
    return -high if x < -high else x


@scalar
def tanh(f, x):
    """Return -(e^(-2|x|) - 1) / (e^(-2|x|) + 1), with x's sign."""
    m = expm1(type(x)(-2) * abs(x))
    return math.copysign(-m / (type(x)(2) + m), x)


@scalar
def tanh_slope(f, x):
    """Return 1 - tanh(x)^2, which is four times sigmoid's slope at 2 x: no digits cancel."""
    return type(x)(4) * logistic_slope(power(type(x)(-2) * abs(x)))


@scalar
def rectify(f, x):
    """Return min(x, max_value) above the threshold, negative_slope * (x - threshold) elsewhere."""
    t = type(x)
    below = t(f.negative_slope) * (x - t(f.threshold))
    below = t(0) if t(f.negative_slope) == t(0) else below  # -inf * 0 would be NaN
    y = below if x <= t(f.threshold) else x
    return t(f.max_value) if y > t(f.max_value) else y


@scalar
def rectify_slope(f, x):
    """Return 1 between threshold and max_value, negative_slope up to the threshold, 0 from max_value on."""
    t = type(x)
    above = t(0) if x >= t(f.max_value) and t(f.max_value) < t(math.inf) else t(1)
    return above if x > t(f.threshold) else t(f.negative_slope)


@scalar
def elu(f, x):
    """Return scale * x for x > 0, else scale * alpha * (e^x - 1)."""
    t = type(x)
    return t(f.scale) * x if x > t(0) else t(f.scale * f.alpha) * expm1(x)


@scalar
def elu_slope(f, x):
    """Return scale for x > 0, else scale * alpha * e^x."""
    t = type(x)
    return t(f.scale) if x > t(0) else t(f.scale * f.alpha) * power(x)


@scalar
def gelu(f, x):
    """Return x Phi(x); for x < 0 from the tail, with all digits."""
    a = abs(within(x, FAR))
    q = bell(a) * tail(a)
    return -a * q if x < type(x)(0) else x * (type(x)(1) - q)


@scalar
def gelu_slope(f, x):
    """Return Phi(x) + x Phi'(x), where Phi'(x) = power(-x^2/2) / sqrt(2 pi)."""
    t = type(x)
    a = abs(within(x, FAR))
    g = bell(a)
    q, d = g * tail(a), a * (g * t(NORMAL))
    return q - d if x < t(0) else (t(1) - q) + d


@scalar
def gelu_tanh(f, x):
    """Return x sigmoid(v), v = 2 sqrt(2/pi) (x + 0.044715 x^3)."""
    t = type(x)
    c = within(x, FAR)
    v = t(STEEP) * (c + t(0.044715) * c * c * c)
    return (c if x < t(0) else x) * logistic(v, power(-abs(v)))


@scalar
def gelu_tanh_slope(f, x):
    """Return sigmoid(v) + x sigmoid'(v) dv/dx."""
    t = type(x)
    c = within(x, FAR)
    v = t(STEEP) * (c + t(0.044715) * c * c * c)
    e = power(-abs(v))
    return logistic(v, e) + c * logistic_slope(e) * (t(STEEP) * (t(1) + t(3 * 0.044715) * c * c))


@scalar
def silu(f, x):
    """Return x sigmoid(x)."""
    t = type(x)
    c = within(x, LARGE)
    return (c if x < t(0) else x) * logistic(x, power(-abs(x)))


@scalar
def silu_slope(f, x):
    """Return sigmoid(x) + x sigmoid'(x)."""
    e = power(-abs(x))
    return logistic(x, e) + within(x, LARGE) * logistic_slope(e)


@scalar
def softplus(f, x):
    """Return log(1 + e^x) = max(x, 0) + log(1 + e^(-|x|))."""
    t = type(x)
    return (x if x > t(0) else t(0)) + log1p(power(-abs(x)))


@scalar
def softplus_slope(f, x):
    """Return sigmoid(x)."""
    return logistic(x, power(-abs(x)))


@scalar
def softsign(f, x):
    """Return x / (1 + |x|)."""
    c = within(x, 1e30)
    return c / (type(x)(1) + abs(c))


@scalar
def softsign_slope(f, x):
    """Return 1 / (1 + |x|)^2."""
    one = type(x)(1)
    root = one / (one + abs(x))
    return root * root


@scalar
def hard_sigmoid(f, x):
    """Return alpha * x + beta, held between 0 and 1."""
    t = type(x)
    v = t(f.alpha) * x + t(f.beta)
    v = t(0) if v < t(0) else v
    return t(1) if v > t(1) else v


@scalar
def hard_sigmoid_slope(f, x):
    """Return alpha where 0 < alpha * x + beta < 1, else 0."""
    t = type(x)
    v = t(f.alpha) * x + t(f.beta)
    below = t(0) if v <= t(0) else t(f.alpha)
    return t(0) if v >= t(1) else below


@scalar
def hard_silu(f, x):
    """Return x (x + 3) / 6 between -3 and 3, 0 below, x above."""
    t = type(x)
    below = t(0) if x <= t(-3) else x * ((x + t(3)) / t(6))
    return x if x >= t(3) else below


@scalar
def hard_silu_slope(f, x):
    """Return (2 x + 3) / 6 between -3 and 3, 0 below, 1 above."""
    t = type(x)
    below = t(0) if x <= t(-3) else (t(2) * x + t(3)) / t(6)
    return t(1) if x >= t(3) else below


@scalar
def exponential(f, x):
    """Return e^x, which is its own slope."""
    return power(x)


@scalar
def clip(f, x):
    """Return x, held between low and high."""
    t = type(x)
    y = t(f.low) if x < t(f.low) else x
    return t(f.high) if y > t(f.high) else y


@scalar
def clip_slope(f, x):
    """Return 1 where low <= x <= high, else 0."""
    t = type(x)
    below = t(0) if x < t(f.low) else t(1)
    return t(0) if x > t(f.high) else below


HELPERS = (eight, power, expm1, log1p, bell, tail, logistic, logistic_slope, within)
VALUES: dict[type, Callable] = {
    functions.Tanh: tanh,
    functions.Rectify: rectify,
    functions.Elu: elu,
    functions.Gelu: gelu,
    functions.GeluTanh: gelu_tanh,
    functions.Silu: silu,
    functions.Softplus: softplus,
    functions.Softsign: softsign,
    functions.HardSigmoid: hard_sigmoid,
    functions.HardSilu: hard_silu,
    functions.Exponential: exponential,
    functions.Clip: clip,
}
SLOPES: dict[type, Callable] = {
    functions.Tanh: tanh_slope,
    functions.Rectify: rectify_slope,
    functions.Elu: elu_slope,
    functions.Gelu: gelu_slope,
    functions.GeluTanh: gelu_tanh_slope,
    functions.Silu: silu_slope,
    functions.Softplus: softplus_slope,
    functions.Softsign: softsign_slope,
    functions.HardSigmoid: hard_sigmoid_slope,
    functions.HardSilu: hard_silu_slope,
    functions.Exponential: exponential,
    functions.Clip: clip_slope,
}
