"""Exercise 3, stride and dilation: windows that lie s pixels apart, and taps that lie d pixels apart.

    y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f]

stride = (down, across), dilation = (down, across), padding as in exercise 2.
Ho = (H + top + bottom - d*(P-1) - 1) // s + 1, and Wo likewise.

Hints, read one at a time:
- Which factor belongs to i, and which to p? The output moves in steps of s, the taps in steps of d.
- d*(P-1) + 1 is how many rows the window spans.
- Vertical and horizontal settings may differ: for the rows, s and d are stride[0] and dilation[0].
"""


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    raise NotImplementedError("compute Ho and Wo, then the sum")
