"""Exercise 4, the gradient of the image: how much does the loss change with each pixel?

dy (N,Ho,Wo,F) says how it changes with each number of y. By the chain rule each pixel collects dy times the factor
that it has in y, over all the numbers of y that it stands in:

    dx[n, s*i + d*p - top, s*j + d*q - left, c] += dy[n,i,j,f] * k[p,q,c,f]     for all n,i,j,f,p,q,c

dy (N,Ho,Wo,F)  k (P,Q,C,F)  x_shape = (N,H,W,C)  ->  dx of that shape. Stride, padding, dilation as in exercise 3.

Hints, read one at a time:
- Write the loops of exercise 3. Where it reads x, write to dx instead.
- Gradients add up: += , for a pixel is read by many windows.
- A check that needs no other program: sum(dy * y) must be sum(dx * x), exactly, for integers (and b = 0).
"""


def backward_data(dy, k, x_shape, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    raise NotImplementedError("send every dy back to the pixels it came from")
