"""Exercise 8, tile it: the same sum as in exercise 3, compiled, in tiles, on all cores.

    y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f]

The check now includes large problems, for which plain Python is too slow. Compare its speed with the other variants:

    python -m benchmarks ladder --kernel tiles.py          (in a checkout of formula-convnet)

Hints, read one at a time:
- from kernels.jit import jit, and @jit(parallel=True) before a function of arrays and numbers alone: it is compiled.
- numba.prange runs a loop's turns on several cores, for example over n and i. No two turns may write the same number.
- Let the innermost loop run over f, which reads k[p,q,c,:] in order: keep sums total[f] and add x * k[p,q,c,f] to them.
- Tiles: compute several pixels j in one turn, so that each k that was loaded is used several times.
- If the bias is None, use np.zeros(F, x.dtype).
"""


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    raise NotImplementedError("compile it")
