"""What all calls of an operation have in common, where it runs kernels that serve others too.

A convolution's compiled code holds numbers between limits if it is given some, which only weights that are laid out
give. Such lines are in the code of operations that cannot reach them. No list names these lines: they are found. Each
call that verify makes of a kernel is tried on all restrictions here, and a count keeps which lines ran in calls to
which a restriction applies. A line that a restricted operation does not reach is out of its reach if

- calls of another operation reach it, and
- none to which the restriction applies does, although
- another operation makes such calls, or the source itself says that the line does not run in them: it depends on an
  `if` that the restriction decides.

These are calls of the kernels that the line is compiled into for the operation. If no other operation reaches it there,
calls of the kernels with the arguments that the restriction is about are looked at too.

That every call of the operation is one of those is tested on problems drawn at random
(`tests/kernels/test_restrictions.py`).
"""

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kernels.algebra.coverage import ROOT
from kernels.verify.reach import CONCERNS


@dataclass(frozen=True)
class Restriction:
    """A property of calls. Each test asks for some of a kernel's arguments, by their names, or for its `module`.

    A kernel that has not all of a test's arguments passes it. decides: conditions in the source of kernels/ and which
    of the two they then are.
    """

    text: str
    tests: tuple[Callable[..., Any], ...]
    decides: tuple[tuple[str, bool], ...] = ()

    def holds(self, arguments: dict[str, Any]) -> bool:
        """Return whether a call with these arguments passes every test."""
        return all(test(*values) for test, values in self._asked(arguments))

    def concerns(self, arguments: dict[str, Any]) -> bool:
        """Return whether there is a test that asks for arguments of a kernel with these."""
        return any(True for _ in self._asked(arguments))

    def _asked(self, arguments: dict[str, Any]) -> Iterator[tuple[Callable[..., Any], list[Any]]]:
        for test in self.tests:
            names = inspect.signature(test).parameters
            if arguments.keys() >= set(names):
                yield test, [arguments[name] for name in names]

    def skips(self, file: str, line: int) -> bool:
        """Return whether a line stands in the branch of an `if` that is not taken where this applies."""
        known = dict(self.decides)
        for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))) if known else ():
            if isinstance(node, ast.If) and (taken := known.get(ast.unparse(node.test))) is not None:
                skipped = node.orelse if taken else node.body
                if any(part.lineno <= line <= (part.end_lineno or 0) for part in skipped):
                    return True
        return False


NO_LIMITS = Restriction("no limits are given", (lambda limits: limits.size == 0,), (("limits.size", False),))
NO_BIAS = Restriction(
    "no bias is given",
    (lambda biased: not biased, lambda module, g: module != "kernels.cuda.correlate" or not g.biased),
)
TURNED = Restriction("k is read with its channels and filters exchanged", (lambda transposed: transposed,))
ONE_GROUP = Restriction("there is one group", (lambda groups: groups == 1,))
STEP_ONE = Restriction("the stride and the dilation are 1", (lambda stride, dilation: stride == dilation == (1, 1),))
CHANNELS_APART = Restriction(
    "each channel has a filter of its own", (lambda k, groups: k.shape[2] == 1 and k.shape[3] == groups,)
)
INT8 = "kernels.conv2d.tiles_int8"
NOT_POOLED = Restriction("results are pixels", (lambda module, kind: module != INT8 or kind[1] == 1,))
POOLED = Restriction(
    "results are windows of pixels",
    (lambda module, kind: module != INT8 or kind[1] > 1,),
    (("pixels == WINDOW", True),),
)
ONE_PIXEL = Restriction(
    "image, window and result are one pixel",
    (lambda x, k, y_shape: x.shape[1:3] == k.shape[:2] == tuple(y_shape[1:3]) == (1, 1),),
)

RESTRICTIONS: dict[str, tuple[Restriction, ...]] = {
    "conv2d": (NO_LIMITS,),
    "conv2dtranspose": (NO_LIMITS, NO_BIAS),
    "convpool": (NO_LIMITS, NO_BIAS, TURNED, ONE_GROUP, STEP_ONE),
    "conv2d_fixed_depthwise": (CHANNELS_APART,),
    "conv2d_int8": (NOT_POOLED,),
    "convpool_int8": (POOLED,),
    "dense_int8": (NOT_POOLED, ONE_PIXEL),
}


def all_restrictions() -> set[Restriction]:
    """Return every restriction of any operation."""
    return {r for some in RESTRICTIONS.values() for r in some}


def label(arguments: dict[str, Any]) -> Iterable[str]:
    """Return the texts of the restrictions that apply to a call, and of those that concern its kernel."""
    rules = all_restrictions()
    concerned = [CONCERNS + r.text for r in rules if r.concerns(arguments)]
    return [r.text for r in rules if r.holds(arguments)] + concerned
