"""One fixed order of adding: a binary tree over the shards, the same whoever computes which of them.

A node (a, b) stands for the sum over the shards a..b-1. Floating-point sums depend on their order, so a sum "as the
messages come in" would differ with the number of processes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Node = tuple[int, int]


def halves(node: Node) -> tuple[Node, Node]:
    """Return a node's two children: the left one has the largest power of two that is smaller than the node."""
    first, last = node
    middle = first + (1 << (last - first - 1).bit_length() - 1)
    return (first, middle), (middle, last)


def cover(node: Node, first: int, last: int) -> list[Node]:
    """Return the largest nodes under this one that hold nothing but the shards first..last-1, from left to right."""
    if last <= node[0] or node[1] <= first:
        return []
    if first <= node[0] and node[1] <= last:
        return [node]
    left, right = halves(node)
    return [*cover(left, first, last), *cover(right, first, last)]


def add_up(node: Node, sums: Mapping[Node, np.ndarray]) -> np.ndarray:
    """Return the sum that belongs to a node, from those of nodes under it; their arrays are overwritten."""
    if node in sums:
        return sums[node]
    left, right = halves(node)
    total = add_up(left, sums)
    total += add_up(right, sums)
    return total
