"""Small symbolic arrays: the lessons' formulas, written with sympy's symbols, on shapes of a few numbers.

A gradient by the chain rule, dL/dx = sum_i dy_i dy_i/dx with a symbol dy_i for what comes from above, is one
derivative: that of sum_i dy_i y_i.
"""

import itertools

import numpy as np
import sympy


def symbols(name: str, *shape: int, **assumptions) -> np.ndarray:
    """An array of real symbols name_0_0, name_0_1 and so on."""
    array = np.empty(shape, object)
    for index in np.ndindex(*shape):
        array[index] = sympy.Symbol("_".join([name, *map(str, index)]), real=True, **assumptions)
    return array


def chain_rule(dy: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dL/dx for every number of x, from dL/dy and y(x)."""
    total = sum(d * v for d, v in zip(dy.ravel(), y.ravel(), strict=True))
    return derivative(total, x)


def derivative(total, x: np.ndarray) -> np.ndarray:
    result = np.empty(x.shape, object)
    for index in np.ndindex(*x.shape):
        result[index] = sympy.diff(total, x[index])
    return result


def assert_identical(formula: np.ndarray, derived: np.ndarray) -> None:
    """Both are the same expression, number by number, whatever the symbols stand for."""
    assert formula.shape == derived.shape
    for f, d in zip(formula.ravel(), derived.ravel(), strict=True):
        assert sympy.simplify(f - d) == 0, f"{f}  is not  {d}"


def places(*sizes: int):
    """All indices (i, j, ...) below the sizes."""
    return itertools.product(*map(range, sizes))
