"""A PyTorch network's state_dict in our layers: predictions, one step and twenty steps, in float64."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.model_file import ModelFileError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'formula-convnet[peers]'")
RNG = np.random.default_rng(0)
X = RNG.standard_normal((16, 11, 12, 2))
Y = RNG.integers(0, 3, 16)


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.stem = nn.Sequential(nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.grouped = nn.Conv2d(4, 6, 3, groups=2)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.0), nn.Linear(6 * 4 * 4, 5), nn.ReLU(), nn.Linear(5, 3))

    def forward(self, x):
        return self.head(self.grouped(self.stem(x)))


def ours():
    return convnet.Sequential(
        [
            layers.InputLayer((11, 12, 2)),
            layers.Conv2D(4, 3, strides=2, padding=((1, 1), (1, 1)), use_bias=False),
            layers.BatchNormalization(epsilon=1e-5, momentum=0.9),
            layers.Activation("relu"),
            layers.Conv2D(6, 3, groups=2),
            layers.Flatten(),
            layers.Dropout(0.0),
            layers.Dense(5, activation="relu"),
            layers.Dense(3),
        ],
        dtype="float64",
    )


def network():
    torch.manual_seed(0)
    made = Theirs().double()
    with torch.no_grad():
        for buffer in (made.stem[1].running_mean, made.stem[1].running_var):
            buffer += torch.rand(4).double()
    return made


def predict(theirs):
    theirs.eval()
    with torch.no_grad():
        return theirs(torch.tensor(X.transpose(0, 3, 1, 2))).numpy()


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_saved_state_dict_computes_the_same(tmp_path, wrapped):
    theirs, mine = network(), ours()
    state = theirs.state_dict()
    torch.save({"epoch": 3, "state_dict": state} if wrapped else state, tmp_path / "m.pt")
    report = mine.load_torch(tmp_path / "m.pt")
    np.testing.assert_allclose(mine.predict(X, verbose=0), predict(theirs), rtol=1e-10, atol=1e-12)
    assert len(report.matched) == 11
    assert report.unused == ["stem.1.num_batches_tracked"]


def test_twenty_steps_are_pytorchs():
    theirs, mine = network(), ours()
    mine.load_torch(theirs.state_dict())
    mine.compile(
        convnet.optimizers.SGD(0.05, momentum=0.9), convnet.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    step = torch.optim.SGD(theirs.parameters(), 0.05, momentum=0.9)
    x, y = torch.tensor(X.transpose(0, 3, 1, 2)), torch.tensor(Y)
    theirs.train()
    losses = []
    for _ in range(20):
        step.zero_grad()
        loss = torch.nn.functional.cross_entropy(theirs(x), y)
        loss.backward()
        step.step()
        losses.append(float(loss.detach()))
    np.testing.assert_allclose([mine.train_on_batch(X, Y) for _ in range(20)], losses, rtol=1e-9)


def test_a_whole_model_is_not_unpickled(tmp_path):
    torch.save(network(), tmp_path / "m.pt")
    with pytest.raises(ModelFileError, match="weights_only=True"):
        ours().load_torch(tmp_path / "m.pt")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_numbers_become_long_ones(dtype):
    theirs, mine = network(), ours()
    state = {name: value.to(getattr(torch, dtype)) for name, value in theirs.state_dict().items()}
    mine.load_torch(state)
    np.testing.assert_array_equal(mine.get_weights()[-1], state["head.4.bias"].double().numpy())


@pytest.mark.parametrize(("theirs", "mine", "shape"), [
    (torch.nn.Conv2d(3, 6, 3, groups=3), [layers.DepthwiseConv2D(3, depth_multiplier=2)], (7, 6, 3)),
    (torch.nn.ConvTranspose2d(3, 4, 2, stride=2), [layers.Conv2DTranspose(4, 2, strides=2)], (5, 6, 3)),
    (torch.nn.PReLU(3), [layers.PReLU(shared_axes=[1, 2])], (5, 6, 3)),
    (torch.nn.GroupNorm(2, 4), [layers.GroupNormalization(2, epsilon=1e-5)], (5, 6, 4)),
    (torch.nn.Conv1d(3, 5, 4), [layers.Conv1D(5, 4)], (9, 3)),
])  # fmt: skip
def test_a_modules_layout_is_converted(theirs, mine, shape):
    theirs, x = theirs.double().eval(), RNG.standard_normal((2, *shape))
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.tensor(RNG.standard_normal(tuple(parameter.shape))))
        expected = theirs(torch.tensor(np.moveaxis(x, -1, 1))).numpy()
    model = convnet.Sequential([layers.InputLayer(shape), *mine], dtype="float64")
    model.load_torch({f"m.{name}": value for name, value in theirs.state_dict().items()})
    np.testing.assert_allclose(model.predict(x, verbose=0), np.moveaxis(expected, 1, -1), rtol=1e-10, atol=1e-12)
