"""What the order of a kernel's rows says: which loops have a barrier in them, and what comes after a warp operation."""

import numpy as np

from kernels.emulator import machine as m

TOGETHER = (m.WARP_SYNC, m.SHUFFLE, m.VOTE, m.MULTIPLY, m.LOAD_MATRICES)


def mark_turns(code: np.ndarray) -> None:
    """Give each branch back to the start of a loop with a barrier in it a number of that loop, in column SIGNED.

    Sums of such numbers then differ, for all that matters, if the turns do: they are far apart. A jump to an earlier
    row begins another turn only if all ways to it lead through that row; else the compiler has merely put a piece of
    code behind what follows it.
    """
    barriers = {i for i, row in enumerate(code) if row[m.OP] == m.BARRIER}
    if not barriers:
        return
    before = _predecessors(code)
    for i, row in enumerate(code):
        start = int(row[m.TARGET])
        if row[m.OP] == m.BRANCH and start <= i:
            loop = _loop(before, start, i)
            if loop & barriers and (0 not in loop or start == 0):
                row[m.SIGNED] = 1 + start * 2_654_435_761 % (1 << 31)


def _predecessors(code: np.ndarray) -> list[list[int]]:
    """Return, for each row, those after which it may come."""
    before: list[list[int]] = [[] for _ in code]
    for i, row in enumerate(code):
        if row[m.OP] == m.BRANCH:
            before[row[m.TARGET]].append(i)
        if (row[m.OP] not in (m.BRANCH, m.EXIT) or row[m.GUARD] >= 0) and i + 1 < len(code):
            before[i + 1].append(i)
    return before


def after_warp_operations(code: np.ndarray) -> np.ndarray:
    """Return, a line for each warp operation, which rows may come after it; column TARGET gets the line's number."""
    together = [i for i, row in enumerate(code) if row[m.OP] in TOGETHER]
    after = np.zeros((len(together), len(code)), np.bool_)
    following: list[list[int]] = [[] for _ in code]
    for i, earlier in enumerate(_predecessors(code) if together else ()):
        for j in earlier:
            following[j].append(i)
    for number, start in enumerate(together):
        code[start, m.TARGET], todo = number, [start]
        while todo:
            for i in following[todo.pop()]:
                if not after[number, i]:
                    after[number, i] = True
                    todo.append(i)
    return after


def _loop(before: list[list[int]], start: int, last: int) -> set[int]:
    """Return the rows from which `last` is reached without passing `start`, and these two."""
    found, todo = {start, last}, [last] if last != start else []
    while todo:
        for i in before[todo.pop()]:
            if i not in found:
                found.add(i)
                todo.append(i)
    return found
