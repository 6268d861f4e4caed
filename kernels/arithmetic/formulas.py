"""One number of each kind of arithmetic and its two slopes, as plain functions that both targets compile."""

KINDS = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM = range(len(KINDS))


def value(kind, a, b):
    """Return a + b, a - b, a * b, a / b, or the larger or the smaller of both; a NaN wins."""
    if kind == ADD:
        return a + b
    if kind == SUBTRACT:
        return a - b
    if kind == MULTIPLY:
        return a * b
    if kind == DIVIDE:
        return a / b
    first = a >= b if kind == MAXIMUM else a <= b
    return a if first or a != a else b


def slope(kind, first, dy, a, b):
    """Return dy times the slope along a (if `first`) or along b."""
    if kind == ADD:
        return dy
    if kind == SUBTRACT:
        return dy if first else -dy
    if kind == MULTIPLY:
        return dy * b if first else dy * a
    if kind == DIVIDE:
        return dy / b if first else -(dy * (a / b)) / b
    chosen = a >= b if kind == MAXIMUM else a <= b
    return dy if (chosen or a != a) == first else 0.0
