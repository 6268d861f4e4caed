"""Whole models of random architecture have PyTorch's loss and gradients, in float64; runs where it is installed."""

import numpy as np
import pytest
from hypothesis import given, settings

from tests.architectures import LOSSES, Network, labels, specs
from tests.rounding import unit

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'formula-convnet[peers]'")


@settings(max_examples=100)
@given(spec=specs(dropout=False))
def test_loss_and_every_gradient_are_torchs(spec):
    """Both sum at most some hundred terms in each of at most ten layers, in different orders, in float64.

    Normalisation multiplies errors by up to 1/sqrt(epsilon) = 32 each time.
    """
    from convnet.graph import record
    from convnet.plan import Plan
    from convnet.utils import set_random_seed
    from tests.peers.architectures import Peer

    set_random_seed(0)
    network, rng = Network(spec), np.random.default_rng(spec.seed)
    graph = record(network.call, spec.sample, np.float64, True, "test")
    for layer in graph.layers:
        for p in layer.parameters:
            p.value += 0.3 * rng.standard_normal(p.value.shape) * p.trainable
    loss, y = LOSSES[spec.loss][0](), labels(spec)
    plan = Plan(graph, spec.batch, training=True, loss=loss, input_gradient=True)
    loss.fill(plan.target_array, y)
    plan.x[...] = rng.standard_normal(plan.x.shape)
    plan.forward()
    plan.backward()

    peer = Peer(network)
    x = torch.tensor(plan.x, requires_grad=True)
    theirs = peer.loss(x, y)
    theirs.backward()
    growth = 32 ** sum(layer[0] == "batchnorm" for layer in (*spec.body, *spec.head))
    relative = 1000 * unit(np.float64) * growth
    assert abs(float(plan.loss) - theirs.item()) <= relative * max(1, theirs.item())
    pairs = [(plan.dx, x.grad.numpy()), *((g, peer.weights[p].grad.numpy()) for p, g in plan.gradients.items())]
    largest = max(float(np.abs(theirs).max()) for _, theirs in pairs)
    for actual, expected in pairs:
        np.testing.assert_allclose(actual, expected, rtol=0, atol=relative * max(largest, 1))
