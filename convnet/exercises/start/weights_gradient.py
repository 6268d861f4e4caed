"""Exercise 5, the gradient of kernel and bias: what training changes.

    dk[p,q,c,f] = sum_{n,i,j} x[n, s*i + d*p - top, s*j + d*q - left, c] * dy[n,i,j,f]
    db[f]       = sum_{n,i,j} dy[n,i,j,f]

x (N,H,W,C)  dy (N,Ho,Wo,F)  k_shape = (P,Q,C,F)  ->  a tuple: dk of that shape, and db (F,).

Hints, read one at a time:
- The same loops as exercise 4; now dk collects, over all places at which tap (p,q) was used.
- b stands in every y[n,i,j,f] with the factor 1.
- Return both: return dk, db
"""


def backward_weights(x, dy, k_shape, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    raise NotImplementedError("collect dk and db")
