"""Exercise 8, tile it: the same sum as in exercise 3, compiled, in tiles, on all cores.

    y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f]

The check now has large problems, for which plain Python is too slow. Then see where it stands among the others:

    python -m benchmarks ladder --kernel tiles.py          (in a checkout of formula-convnet)

Hints, read one at a time:
- from kernels.jit import jit, and @jit(parallel=True) before a function of arrays and numbers alone: it is compiled.
- numba.prange is a loop whose turns run on several cores: over n and i, say. No two turns may write to one number.
- The innermost loop over f reads k[p,q,c,:] in order: keep a line of sums total[f], and add x * k[p,q,c,f] to it.
- Tiles: let one turn compute some pixels j at once, so that a k that was loaded is used several times.
- A bias that may be None: np.zeros(F, x.dtype) stands for it.
"""


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    raise NotImplementedError("compile it")
