"""What an exercise asks for, one thing at a time, the simplest first: each aspect is a few problems, and a score.

The first aspect has one image, one channel and one filter; each later one adds a single thing (channels, a bias,
padding, ...), so that the first that fails says where the fault is. The last ones have everything at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from convnet.exercises.catalogue import Exercise
from kernels.verify.problem import Geometry, Operation, Problem

REPEATS = 5  # problems of an aspect, for each kind of numbers
DRAWN = 20  # problems with everything at once
LARGER = (4, 7, 17, 40)  # that each size is tried at, one after the other
IMAGE = {"N": 1, "H": 5, "W": 6, "C": 1}
WINDOW = {**IMAGE, "P": 2, "Q": 3, "sh": 1, "sw": 1, "top": 0, "bottom": 0, "left": 0, "right": 0}
CONV = {**WINDOW, "F": 1, "groups": 1, "dh": 1, "dw": 1}
BASES: dict[str, Geometry] = {
    "conv2d": CONV,
    "maxpool2d": {**WINDOW, "sh": 2, "sw": 3, "H": 6, "W": 9},
    "avgpool2d": {**WINDOW, "sh": 2, "sw": 3, "H": 6, "W": 9},
    "crossentropy": {"N": 1, "K": 4, "kind": 0, "logits": 1, "weighted": 0},
    "batchnorm": {"M": 8, "C": 1},
    "adam": {"M": 4, "mode": 0},
    "quantised": {"N": 1, "C": 2, "F": 1, "zero": 0},
}


@dataclass(frozen=True)
class Aspect:
    """One thing that is asked for: what it adds to the base's geometry, and kinds of numbers."""

    name: str
    changes: Geometry = field(default_factory=dict)
    kinds: tuple[str, ...] = ("integers",)
    bias: bool = False
    tiny: bool = False  # gradients as small as Adam's epsilon


ASPECTS: dict[str, tuple[Aspect, ...]] = {
    "conv2d": (
        Aspect("one image, one channel, one filter"),
        Aspect("several channels", {"C": 3}),
        Aspect("several channels, each by itself", {"groups": 3}),
        Aspect("several filters", {"F": 4}),
        Aspect("several images", {"N": 3}),
        Aspect("a bias", {}, bias=True),
        Aspect("padding", {"top": 1, "bottom": 2, "left": 3, "right": 1}),
        Aspect("stride", {"sh": 2, "sw": 3, "H": 9, "W": 13}),
        Aspect("dilation", {"dh": 2, "dw": 3, "H": 9, "W": 13}),
        Aspect("a kernel of one number", {"P": 1, "Q": 1}),
    ),
    "maxpool2d": (
        Aspect("windows beside each other"),
        Aspect("windows that overlap", {"sh": 1, "sw": 1}),
        Aspect("windows with gaps between them", {"sh": 3, "sw": 4, "H": 9, "W": 12}),
        Aspect("several channels", {"C": 3}),
        Aspect("several images", {"N": 3}),
    ),
    "crossentropy": (
        Aspect("one sample", kinds=("smooth",)),
        Aspect("several samples", {"N": 5}, ("smooth",)),
        Aspect("logits of a thousand", {"N": 4}),
        Aspect("samples thousands apart", {"N": 5}, ("unlike",)),
    ),
    "batchnorm": (
        Aspect("one channel"),
        Aspect("several channels", {"C": 4}),
        Aspect("numbers that are not integers", {"M": 7, "C": 3}, ("smooth",)),
    ),
    "adam": (
        Aspect("the first step, without decay", {"mode": 0}, ("smooth",)),
        Aspect("a later step, without decay", {"mode": 2}, ("smooth",)),
        Aspect("with weight decay", {"mode": 1}, ("smooth",)),
        Aspect("gradients as small as epsilon", {"mode": 2}, ("smooth",), tiny=True),
    ),
    "quantised": (
        Aspect("a sum of two products"),
        Aspect("several outputs", {"F": 3}),
        Aspect("several samples", {"N": 3}),
        Aspect("a zero point", {"zero": 17}),
        Aspect("a long sum", {"C": 300}),
    ),
}
ASPECTS["avgpool2d"] = ASPECTS["maxpool2d"]
TOGETHER = Aspect("everything at once")
SIZES = Aspect("numbers of every size", kinds=("positive", "unlike"))
LARGE = Aspect("larger sizes")


def make_problems(exercise: Exercise, op: Operation, seed: int = 0) -> dict[str, list[Problem]]:
    """Return the problems of each aspect that the exercise has, the simplest aspect first; another seed, other ones."""
    rng, base = np.random.default_rng(seed), {**BASES[op.name], **exercise.fixed}
    made = {
        aspect.name: [
            _shrink(_problem(op, _widen(op, {**base, **aspect.changes}, rng), kind, rng, aspect.bias), aspect.tiny)
            for kind in aspect.kinds
            for _ in range(REPEATS)
        ]
        for aspect in ASPECTS[op.name]
        if not any(exercise.fixed.get(key, value) != value for key, value in aspect.changes.items())
        and not (aspect.bias and "forward" not in exercise.passes)
    }
    made[TOGETHER.name] = [_problem(op, _draw(op, rng), "integers", rng, n % 2 == 0) for n in range(DRAWN)]
    made[SIZES.name] = [
        _problem(op, _draw(op, rng), kind, rng, n % 2 == 0) for kind in SIZES.kinds for n in range(REPEATS)
    ]
    free = [key for key in op.smallest if key not in {*exercise.fixed, *op.choices, "mode"}]
    made[LARGE.name] = [
        _problem(op, op.fit({**op.stretch(_draw(op, rng), key, value), **exercise.fixed}), "integers", rng, True)
        for key in free
        for value in LARGER
    ]
    return made


def _draw(op: Operation, rng: np.random.Generator) -> Geometry:
    return op.fit({**op.draw(rng), **op.fixed})


def _widen(op: Operation, g: Geometry, rng: np.random.Generator) -> Geometry:
    """Make an image larger by some pixels: what the next seed shows should not be known from this one."""
    return op.fit({**g, **{key: g[key] + int(rng.integers(0, 3)) for key in ("H", "W") if key in g}})


def _shrink(p: Problem, tiny: bool) -> Problem:
    """Return a problem of Adam with gradients of the size of epsilon."""
    return p.replace(g=p["g"] * 1e-7, m=p["m"] * 1e-7, v=p["v"] * 1e-14) if tiny else p


def _problem(op: Operation, g: Geometry, kind: str, rng: np.random.Generator, bias: bool) -> Problem:
    return op.problem(g, np.float32, kind, 2 * int(rng.integers(2**30)) + (not bias))
