"""Networks that PyTorch exports: equal to ONNX Runtime's outputs, and one training step equal to PyTorch's.

Needs PyTorch, onnxscript and ONNX Runtime (the `peers` extra).
"""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'formula-convnet[peers]'")
runtime = pytest.importorskip(
    "onnxruntime", reason="ONNX Runtime is not installed: pip install 'formula-convnet[peers]'"
)
pytest.importorskip("onnxscript", reason="onnxscript is not installed: pip install 'formula-convnet[peers]'")

INSTALL = "is not installed: pip install 'formula-convnet[peers]'"
torch = pytest.importorskip("torch", reason=f"PyTorch {INSTALL}")
runtime = pytest.importorskip("onnxruntime", reason=f"ONNX Runtime {INSTALL}")
pytest.importorskip("onnxscript", reason=f"onnxscript {INSTALL}")

import convnet  # noqa: E402
from convnet.exchange import load_onnx  # noqa: E402
from tests.peers.torch_networks import NETWORKS, build, export  # noqa: E402

DEPTH = 60  # layers through which a rounding error passes


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files, each made once: (network, exporter, folded, dtype) -> path."""
    made = {}

    def get(name, dynamo, folded=True, double=False):
        key = (name, dynamo, folded, double)
        if key not in made:
            network, shape = build(name)
            path = tmp_path_factory.mktemp("onnx") / f"{name}.onnx"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                export(network.double() if double else network, shape, path, dynamo, folded)
            made[key] = path
        return made[key]

    return get


def images(name, count=3, dtype=np.float32):
    return np.random.default_rng(1).standard_normal((count, *NETWORKS[name][1])).astype(dtype)


def predict(model, x):
    record = model.metadata["onnx"]
    y = model.predict(np.ascontiguousarray(x.transpose(record["inputs"][0]["axes"])), verbose=0)
    return y.transpose(np.argsort(record["outputs"][0]["axes"]))


@pytest.mark.parametrize("dynamo", [False, True], ids=["legacy", "dynamo"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_imported_network_computes_what_onnx_runtime_computes(files, name, dynamo):
    path, x = files(name, dynamo), images(name)
    session = runtime.InferenceSession(path)
    wanted = session.run(None, {session.get_inputs()[0].name: x})[0]
    found = predict(load_onnx(path), x)
    assert np.abs(found - wanted).max() <= DEPTH * np.finfo(np.float32).eps * np.abs(wanted).max()


@pytest.mark.parametrize("dynamo", [False, True], ids=["legacy", "dynamo"])
@pytest.mark.parametrize("name", NETWORKS)
def test_one_training_step_is_pytorch_s(files, name, dynamo):
    """In float64, with batch statistics in the normalizations, by SGD on the mean squared error."""
    network, _ = build(name)
    network = network.double().train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    x = images(name, 4, np.float64)
    target = np.random.default_rng(2).standard_normal(network(torch.tensor(x)).shape)
    network.load_state_dict(build(name)[0].double().state_dict())  # the call above moved the statistics

    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    torch.nn.functional.mse_loss(network(torch.tensor(x)), torch.tensor(target)).backward()
    optimizer.step()

    model = load_onnx(files(name, dynamo, folded=False, double=True))
    axes = {what: model.metadata["onnx"][what][0]["axes"] for what in ("inputs", "outputs")}
    model.compile(optimizer=convnet.optimizers.SGD(0.1), loss="mse")
    model.train_on_batch(x.transpose(axes["inputs"]), target.transpose(axes["outputs"]))

    def after(one):
        return [p.detach().numpy() for p in one.parameters() if p.requires_grad]

    mine = [p.value for layer in model.layers for p in layer.parameters if p.trainable]
    _same_parameters(mine, after(network))
    network.eval()
    wanted = network(torch.tensor(x)).detach().numpy()
    batch_free = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    if not batch_free:  # PyTorch's moving variance is the unbiased one, ours the batch's own
        assert np.allclose(predict(model, x), wanted, rtol=1e-9, atol=1e-11)


def _same_parameters(mine, theirs):
    """Every parameter of PyTorch's is one of ours, in some order of axes: found by its sorted numbers."""
    ours = [np.sort(a, axis=None) for a in mine]
    assert sum(a.size for a in ours) == sum(a.size for a in theirs)
    for array in theirs:
        wanted = np.sort(array, axis=None)
        near = [a for a in ours if a.size == wanted.size and np.allclose(a, wanted, rtol=1e-8, atol=1e-10)]
        assert near, f"no parameter of shape {array.shape} has these numbers"
