import numpy


def forward(x, k, b=None, **settings):
    bias = b.tolist() if b is not None else [0.0] * k.shape[3]
    return numpy.array(
        [[row(image, k.tolist(), bias, i) for i in range(len(image) - len(k) + 1)] for image in x.tolist()]
    )


def row(image, kernel, bias, i):
    places = range(len(image[0]) - len(kernel[0]) + 1)
    return [[bias[f] + total(image, kernel, i, j, f) for f in range(len(bias))] for j in places]


def total(image, kernel, i, j, f):
    """Add up the products of one number of y."""
    return sum(
        image[i + p][j + q][c] * numbers[f]
        for p, line in enumerate(kernel)
        for q, taps in enumerate(line)
        for c, numbers in enumerate(taps)
    )
