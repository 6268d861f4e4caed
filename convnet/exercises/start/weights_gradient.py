"""Exercise 5, the gradient of kernel and bias: the numbers that training changes.

    dk[p,q,c,f] = sum_{n,i,j} x[n, s*i + d*p - top, s*j + d*q - left, c] * dy[n,i,j,f]
    db[f]       = sum_{n,i,j} dy[n,i,j,f]

x (N,H,W,C)  dy (N,Ho,Wo,F)  k_shape = (P,Q,C,F)  ->  a tuple: dk of that shape, and db (F,).

Hints, read one at a time:
- The loops are those of exercise 4; now dk adds up over all positions at which tap (p,q) was used.
- b is added to every y[n,i,j,f], so its factor is 1.
- Return both: return dk, db
"""


def backward_weights(x, dy, k_shape, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    raise NotImplementedError("collect dk and db")
