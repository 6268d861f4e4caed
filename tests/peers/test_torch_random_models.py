"""Whole models of random architecture have PyTorch's loss and gradients, in float64; runs where it is installed."""

import numpy as np
import pytest
from hypothesis import given, settings

from tests.architectures import labels, planned, specs
from tests.rounding import unit

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'formula-convnet[peers]'")


@settings(max_examples=100)
@given(spec=specs(dropout=False))
def test_loss_and_every_gradient_are_torchs(spec):
    """Both sum at most some hundred terms in each of at most ten layers, in different orders, in float64.

    Normalisation multiplies errors by up to 1/sqrt(epsilon) = 32 each time.
    """
    from tests.peers.architectures import Peer

    plan, _, network = planned(spec)
    plan.forward()
    plan.backward()

    peer = Peer(network)
    x = torch.tensor(plan.x, requires_grad=True)
    theirs = peer.loss(x, labels(spec))
    theirs.backward()
    growth = 32 ** sum(layer[0] == "batchnorm" for layer in (*spec.body, *spec.head))
    relative = 1000 * unit(np.float64) * growth
    assert abs(float(plan.loss) - theirs.item()) <= relative * max(1, theirs.item())
    pairs = [(plan.dx, x.grad.numpy()), *((g, peer.weights[p].grad.numpy()) for p, g in plan.gradients.items())]
    largest = max(float(np.abs(theirs).max()) for _, theirs in pairs)
    for actual, expected in pairs:
        np.testing.assert_allclose(actual, expected, rtol=0, atol=relative * max(largest, 1))
