"""Exercise 4, the gradient of the image.

How much does the loss change with each pixel?

dy (N,Ho,Wo,F) says how the loss changes with each number of y. By the chain rule, the gradient of a pixel is a sum over
all numbers of y that read it, of dy times the number of k that the pixel was multiplied by:

    dx[n, s*i + d*p - top, s*j + d*q - left, c] += dy[n,i,j,f] * k[p,q,c,f]     for all n,i,j,f,p,q,c

dy (N,Ho,Wo,F)  k (P,Q,C,F)  x_shape = (N,H,W,C)  ->  dx of that shape. Stride, padding, dilation as in exercise 3.

Hints, read one at a time:
- Write the loops of exercise 3. Where it reads x, write to dx instead.
- Many windows read a pixel, and their gradients add up: use += .
- Check it yourself: for integers and b = 0, sum(dy * y) must equal sum(dx * x) exactly.
"""


def backward_data(dy, k, x_shape, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    raise NotImplementedError("send every dy back to the pixels it came from")
