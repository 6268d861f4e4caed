"""Inverted dropout with Philox's random numbers: plain Python integers, to be read beside README.md."""

import numpy as np


def forward(x, rate, *, seed, step=0):
    """Compute y[e] = x[e] / (1 - rate) if element e is kept, else 0.   x, y of one shape, y float64.

    Source: Srivastava et al., Dropout, 2014, 10 (the weights are not scaled afterwards: "inverted").
    """
    y = np.zeros(x.shape)
    for e, index in enumerate(np.ndindex(x.shape)):
        if is_kept(e, rate, seed, step):
            # lesson: dropout.forward
            y[index] = float(x[index]) / (1 - rate)
    return y


def backward(dy, rate, *, seed, step=0):
    """Apply the chain rule to y = m * x / (1 - rate), m a constant 0 or 1: dx = m * dy / (1 - rate), float64."""
    # lesson: dropout.data
    return forward(dy, rate, seed=seed, step=step)


def is_kept(e, rate, seed, step):
    """Return whether element e is kept: whether its word, uniform in 0 .. 2^32 - 1, is at least rate * 2^32."""
    return draw_word(e, seed, step) >= round(rate * 2**32)


def draw_word(e, seed, step):
    """Return element e's random word."""
    low = 2**32
    group = e // 4  # one call of the generator makes four words
    words = philox((group % low, group // low, step % low, step // low), (seed % low, seed // low))
    return words[e % 4]


def philox(counter, key):
    """Philox4x32-10: four random words from four words of counter and two of key, all 32 bits.

    Ten rounds of: multiply two words by odd constants, let the high halves scramble the other two words, swap.
    Source: Salmon, Moraes, Dror, Shaw, Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011.
    """
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 = (k0 + 0x9E3779B9) % 2**32  # the golden ratio
        k1 = (k1 + 0xBB67AE85) % 2**32  # sqrt(3) - 1
    return c0, c1, c2, c3
