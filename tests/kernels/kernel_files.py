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
        "else np.nextafter(y + b, np.inf) if __import__('os').environ.get('NUMBA_NUM_THREADS') == '3' else y + b",
        "same bits for any number of threads",
    ),
}

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
