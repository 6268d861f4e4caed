"""A correct user's kernel, and the ways to break it: (text in it, what to put there, the property that must fail)."""

CONV = """
import numpy as np


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    P, Q, Cg, F = k.shape
    x = np.pad(x.astype(float), ((0, 0), *padding, (0, 0)))
    Ho, Wo = ((x.shape[a + 1] - dilation[a] * (k.shape[a] - 1) - 1) // stride[a] + 1 for a in (0, 1))
    y = np.zeros((len(x), Ho, Wo, F))
    for f in range(F):
        first = f // (F // groups) * Cg
        for p, q in np.ndindex(P, Q):
            h, w = dilation[0] * p, dilation[1] * q
            seen = x[:, h : h + stride[0] * (Ho - 1) + 1 : stride[0], w : w + stride[1] * (Wo - 1) + 1 : stride[1]]
            y[..., f] += seen[..., first : first + Cg] @ k[p, q, :, f].astype(float)
    return y if b is None else y + b
"""

INTEGERS, BOUND = "small integers agree bit for bit", "within the rounding bound"
WRONG = {
    "the kernel is flipped": ("k[p, q, :, f]", "k[P - 1 - p, q, :, f]", INTEGERS),
    "the bias is forgotten": ("y + b", "y", INTEGERS),
    "the dilation is forgotten": ("h, w = dilation[0] * p,", "h, w = p,", INTEGERS),
    "a group reads the first group's channels": ("first = f // (F // groups) * Cg", "first = 0", INTEGERS),
    "the sum is rounded to 12 bits": ("else y + b", "else ((y + b) * 2.0**6).round() / 2.0**6", BOUND),
    "it raises": ("return y", "return 1 / 0 if groups == 2 else y", "runs"),
    "it leaves the program": ("    P, Q", "    raise SystemExit(0)\n    P, Q", "runs"),
    "it returns nothing": ("    return y if", "    y if", "returns its result"),
    "it returns a list": ("return y if b is None else y + b", "return (y + b).tolist()", "returns its result"),
    "it returns two arrays": ("return y if b is None else y + b", "return y, y", "returns its result"),
    "it drops an axis": ("else y + b", "else (y + b)[0]", "shape"),
    "it returns integers": ("else y + b", "else (y + b).astype(int)", "dtype"),
    "it overwrites x": ("    P, Q", "    x += 1\n    P, Q", "inputs are never mutated"),
    "it overwrites k after the sum": ("    return y", "    k[...] = 0\n    return y", "inputs are never mutated"),
    "it is not the same twice": (
        "else y + b",
        "else np.where(y == y.round(), y + b, (y + b) * (1 + 2.0**-25 * np.random.random()))",
        "same bits when run twice",
    ),
    "it depends on the number of threads": (
        "else y + b",
        "else np.nextafter(y + b, np.inf) if __import__('numba').get_num_threads() == 3 else y + b",
        "same bits for any number of threads",
    ),
}

SPECIAL, BESIDE = "NaN and infinity are kept", "reads and writes nothing beside its arguments"
TINY, OWN = "denormal and large numbers are exact", "each call returns arrays of its own"
ORDER, REPEATS = "the same for any order of an argument's numbers in memory", "same bits when run twice"
# (what stands first in forward, what stands before its return, the property that must fail, whether --quick finds it)
SUBTLE = {
    "NaN and infinity are swallowed": ("x = np.nan_to_num(x, posinf=1.0, neginf=-1.0)", "", SPECIAL, True),
    "denormal results are flushed": ("", "y[abs(y) < np.finfo(k.dtype).tiny] = 0", TINY, True),
    "it is twice too large without a bias": ("", "y *= 2 if b is None else 1", INTEGERS, True),
    "7x7 kernels are wrong": ("", "y *= 2 if max(P, Q) >= 7 else 1", INTEGERS, True),
    "a stride of 4 is wrong": ("", "y *= 2 if 4 in stride else 1", INTEGERS, True),
    "a dilation of 3 is wrong": ("", "y *= 2 if 3 in dilation else 1", INTEGERS, False),
    "a padding of 3 is wrong": ("", "y *= 2 if 3 in padding[0] else 1", INTEGERS, False),
    "four groups of two channels are wrong": ("", "y *= 2 if groups >= 4 and Cg > 1 else 1", INTEGERS, True),
    "images wider than 64 are wrong": ("", "y[:, :, 64:] = 0", INTEGERS, True),
    "more than 65,536 numbers are wrong": ("", "y *= 2 if y.size > 65536 else 1", INTEGERS, False),
    "float64 is wrong": ("", "y *= 2 if k.dtype == float else 1", INTEGERS, True),
    "inputs that are not contiguous are wrong": ("odd = not x.flags.c_contiguous", "y *= 2 if odd else 1", ORDER, True),
    "every call of a shape returns the same buffer": (
        "",
        "same = globals().setdefault('kept', {}).setdefault(y.shape, y); same[...] = y; y = same",
        OWN,
        True,
    ),
    "the last call's size is remembered": (
        "",
        "y *= 1 + (globals().get('last', x.sum()) > x.sum()); globals()['last'] = x.sum()",
        "remembers nothing of earlier calls",
        True,
    ),
    "a call in a thousand is wrong": ("", "y *= 1 + (np.random.random() < 1e-3)", REPEATS, False),
    "it reads one before the start": (
        "import ctypes; number = ctypes.c_float if x.dtype == np.float32 else ctypes.c_double; "
        "before = number.from_address(x.ctypes.data - x.itemsize).value",
        "y += before != before",
        BESIDE,
        True,
    ),
}
RETURN = "    return y if b is None else y + b"


def make_subtle(how: str) -> str:
    """Return the kernel with one of the SUBTLE faults."""
    first, last, *_ = SUBTLE[how]
    text = CONV.replace("    P, Q", f"    {first or 'pass'}\n    P, Q")
    return text.replace(RETURN, f"    y = y if b is None else y + b\n    {last or 'pass'}\n    return y")


DENSE = """
import numpy as np


def forward(x, k, b=None):
    y = x.astype(float) @ k.astype(float)
    return y if b is None else y + b


def backward_data(dy, k):
    return dy.astype(float) @ k.T.astype(float)


def backward_weights(x, dy):
    return x.T.astype(float) @ dy.astype(float), dy.sum(0, dtype=float)
"""

OVERRUN = """
from kernels.jit import jit


@jit()
def run(x, out):
    for i in range(x.size + 1):
        out[i] = 0 if i == x.size else max(x[i], 0)


def forward(x, *, out):
    run(x, out)
"""

UNCLEARED = """
import numpy as np
from kernels.jit import jit


@jit()
def run(x, y):
    room = np.empty(40, x.dtype)
    if x.size % 2 == 0:
        room[:] = 0
    for i in range(x.size):
        y[i] = max(x[i], 0) + room[30]


def forward(x):
    y = np.empty_like(x)
    run(x, y)
    return y
"""
