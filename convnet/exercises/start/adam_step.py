"""Exercise 12, one step of Adam: each parameter has a step size of its own.

    p      = p - lr * weight_decay * p
    m      = beta1 * m + (1 - beta1) * g                  the mean of the gradients so far
    v      = beta2 * v + (1 - beta2) * g^2                the mean of their squares
    alpha  = lr * sqrt(1 - beta2^step) / (1 - beta1^step)
    p      = p - alpha * m / (sqrt(v) + epsilon)

p, g, m, v: arrays of one shape.   step = 1, 2, 3, ... counts the steps. Return the new p, m and v; change no argument.

Hints, read one at a time:
- The new m and v are used in the same step.
- m and v start at 0, so at first they are too small. alpha corrects both at once: after one step with beta1 = 0.9, m is
  0.1 g, and 1 - 0.9^1 is 0.1.
- epsilon is added to the root, not under it.
- p -= ... would change the caller's array. p = p - ... makes a new one.
"""


def update(p, g, m, v, *, step, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, weight_decay=0.0, **settings):
    raise NotImplementedError("return p, m, v")
