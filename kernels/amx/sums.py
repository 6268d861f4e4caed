"""The sums of 32 x 32 results in four tiles, by any set of products of parts.

A step multiplies 32 rows by 32 columns over 32 terms. Tiles 0 to 3 hold the sums, 4 and 5 the rows' numbers, 6 and 7
the columns'. From product to product one side stays where it is.

Six products leave out 2^-24 of a term, as much as one rounding to float32. They are summed in two passes over the
steps, the five small ones first: nearly all roundings then are of sums 2^-7 as large as the result's. Three leave out
2^-15, one (bfloat16) 2^-7; there the roundings do not matter. The proofs are in bounds.py.
"""

import numpy as np

from kernels.amx.instructions import load, multiply
from kernels.jit import jit

HIGH, MIDDLE, LOW = 0, 1, 2
TILE = 256  # words
BLOCK = 32  # rows, and columns, of the sums; terms of a step
ROW = 16  # words
_ROWS_PART, _LOAD_ROWS, _COLUMNS_PART, _LOAD_COLUMNS = range(4)


def _table(*products):
    """Return a line for each product (part of the rows, part of the columns): the parts, and whether to load them."""
    table, held = np.zeros((len(products), 4), np.int64), (-1, -1)
    for line, (a, b) in zip(table, products, strict=True):
        line[:] = a, a != held[0], b, b != held[1]
        held = a, b
    return table


NONE = _table()
# number of products -> the passes over the steps
PASSES = {
    6: (_table((LOW, HIGH), (MIDDLE, HIGH), (MIDDLE, MIDDLE), (HIGH, MIDDLE), (HIGH, LOW)), _table((HIGH, HIGH))),
    3: (NONE, _table((MIDDLE, HIGH), (HIGH, HIGH), (HIGH, MIDDLE))),
    1: (NONE, _table((HIGH, HIGH))),
}


@jit(inner=True)
def add_step(tiles, products, a, a0, a1, a_apart, b, b0, b1, b_apart):
    """Add one step's products to the tiles 0 to 3.

    The rows' tiles begin at a[a0] and a[a1], the columns' at b[b0] and b[b1]; part p lies p*apart words further on. A
    tile is 1 KiB in one piece from a cache line on: a row that straddles two lines would take two loads.
    """
    for i in range(products.shape[0]):
        if products[i, _LOAD_ROWS]:
            part = products[i, _ROWS_PART] * a_apart
            load(tiles, 4, a, a0 + part, ROW)
            load(tiles, 5, a, a1 + part, ROW)
        if products[i, _LOAD_COLUMNS]:
            part = products[i, _COLUMNS_PART] * b_apart
            load(tiles, 6, b, b0 + part, ROW)
            load(tiles, 7, b, b1 + part, ROW)
        multiply(tiles, 0, 4, 6)
        multiply(tiles, 1, 4, 7)
        multiply(tiles, 2, 5, 6)
        multiply(tiles, 3, 5, 7)
