"""The listing against PyTorch from equal weights: one step to rounding, 200 steps' losses on each other.

Runs where PyTorch is installed (the `peers` extra).
"""

import numpy as np
import pytest

import convnet
from convnet.study.networks import Listing
from tests.convnet.test_listing import digits

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'formula-convnet[peers]'")


class Peer:
    """The listing in PyTorch, NCHW inside, with weights copied from ours, float64 or float32."""

    def __init__(self, model, dtype):
        k1, b1, k2, b2, d1, c1, d2, c2 = (torch.tensor(w, dtype=dtype) for w in model.get_weights())
        convs = [k1.permute(3, 2, 0, 1).contiguous(), b1, k2.permute(3, 2, 0, 1).contiguous(), b2]
        self.weights = [w.requires_grad_() for w in (*convs, d1, c1, d2, c2)]
        self.dtype = dtype

    def loss(self, x, y):
        f = torch.nn.functional
        k1, b1, k2, b2, d1, c1, d2, c2 = self.weights
        z = torch.tensor(x, dtype=self.dtype).permute(0, 3, 1, 2)
        z = f.max_pool2d(torch.relu(f.conv2d(z, k1, b1)), 2)
        z = f.max_pool2d(torch.relu(f.conv2d(z, k2, b2)), 2)
        z = z.permute(0, 2, 3, 1).reshape(len(x), -1)
        z = torch.relu(z @ d1 + c1) @ d2 + c2
        return f.cross_entropy(z, torch.tensor(y))

    def gradients(self):
        """In our layout (P,Q,C,F)."""
        grads = [w.grad.numpy() for w in self.weights]
        return [g.transpose(2, 3, 1, 0) if g.ndim == 4 else g for g in grads]

    def adam(self, state, t, lr=0.001, b1=0.9, b2=0.999, eps=1e-7):
        """Keras's form of Adam, in PyTorch's arithmetic (torch.optim.Adam puts epsilon elsewhere)."""
        with torch.no_grad():
            for w, (m, v) in zip(self.weights, state, strict=True):
                m += (w.grad - m) * (1 - b1)
                v += (w.grad**2 - v) * (1 - b2)
                w -= lr * (1 - b2**t) ** 0.5 / (1 - b1**t) * m / (v.sqrt() + eps)
                w.grad = None


def listing(dtype):
    convnet.set_random_seed(0)
    model = Listing(10, dtype=dtype)
    model.build((None, 24, 24, 1))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-12), ("float32", 1e-4)])
def test_one_step_from_equal_weights_has_torchs_loss_and_gradients(dtype, rtol):
    """rtol: of the largest number of each gradient; float32 sums of 18,000 terms in two different orders."""
    model, (x, y, _, _) = listing(dtype), digits()
    peer = Peer(model, getattr(torch, dtype))
    loss = peer.loss(x[:32], y[:32])
    loss.backward()
    plan = model.plan((32, 24, 24, 1), training=True, loss=True)
    plan.x[...] = x[:32]
    plan.target_array[...] = y[:32]
    plan.forward()
    plan.backward()
    np.testing.assert_allclose(float(plan.loss), float(loss.detach()), rtol=rtol)
    for parameter, expected in zip(model.arena().parameters, peer.gradients(), strict=True):
        actual = plan.gradients[parameter]
        np.testing.assert_allclose(actual, expected, rtol=0, atol=rtol * np.abs(expected).max())


def test_two_hundred_steps_have_torchs_loss_curve():
    """In float64, where rounding does not yet tell the two trajectories apart."""
    model, (x, y, _, _) = listing("float64"), digits()
    peer = Peer(model, torch.float64)
    state = [(torch.zeros_like(w), torch.zeros_like(w)) for w in peer.weights]
    ours, theirs = [], []
    for t in range(1, 201):
        part = slice(32 * (t % 40), 32 * (t % 40) + 32)
        loss = peer.loss(x[part], y[part])
        loss.backward()
        peer.adam(state, t)
        theirs.append(float(loss.detach()))
        ours.append(model.train_on_batch(x[part], y[part]))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert theirs[-1] < theirs[0] / 4
