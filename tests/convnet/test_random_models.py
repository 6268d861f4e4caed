"""Whole models of random architecture: every gradient is the directional derivative of the loss, in float64."""

from itertools import pairwise

import numpy as np
from hypothesis import assume, given, settings

from convnet.engine.plan import Plan
from tests.architectures import planned, specs
from tests.rounding import gamma


def loss_of(plan: Plan, dropouts) -> float:
    for layer in dropouts:
        layer.calls = 0  # the same mask every time
    plan.forward()
    return float(plan.loss)


def extrapolated(loss_along, h: float) -> tuple[float, float]:
    """Richardson's limit of central differences with h, h/2 and h/4, and how far the last two estimates are apart.

    The truncation is of order h^4; the estimates differ by about 15 times the error of the second.
    """
    slopes = [(loss_along(s) - loss_along(-s)) / (2 * s) for s in (h, h / 2, h / 4)]
    first, second = ((4 * fine - coarse) / 3 for coarse, fine in pairwise(slopes))
    return second, abs(second - first)


@settings(max_examples=200)
@given(spec=specs())
def test_every_gradient_is_the_derivative_along_a_random_direction(spec):
    plan, graph, _ = planned(spec)
    dropouts = [layer for layer in graph.layers if hasattr(layer, "rate")]
    loss = loss_of(plan, dropouts)
    plan.backward()
    arrays = [(plan.x, plan.dx.copy())] + [(p.value, g.copy()) for p, g in plan.gradients.items()]
    rng, h = np.random.default_rng(spec.seed), 1e-3
    # a loss is off by gamma of the longest way through the model, times what normalisation enlarges it by
    terms = sum(a.size for a, _ in arrays) + plan.y.size
    for array, gradient in arrays:
        direction, kept = rng.standard_normal(array.shape), array.copy()
        direction /= np.linalg.norm(direction)

        def along(step, array=array, kept=kept, direction=direction):
            array[...] = kept + step * direction
            return loss_of(plan, dropouts)

        numeric, apart = extrapolated(along, h)
        array[...] = kept
        rounding = 4 * gamma(terms, np.float64) * max(abs(loss), 1) / h
        # a step across a kink of relu or of a maximum: the estimates differ by far more than rounding
        assume(apart <= 1e-6 * max(np.linalg.norm(gradient), 1e-3))
        assert abs(np.vdot(gradient, direction) - numeric) <= apart + rounding
