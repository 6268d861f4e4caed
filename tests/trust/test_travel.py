"""A model arrives equal to the bit: by pickle, copies, and the libraries that send objects to other processes."""

import copy
import importlib.util
import pickle
import pickletools

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.model_file import ModelFileError

X = np.random.default_rng(0).random((16, 8, 8, 1), np.float32)
Y = np.arange(16) % 2


@pytest.fixture(scope="module")
def model():
    convnet.set_random_seed(0)
    stack = [layers.Input((8, 8, 1)), layers.Conv2D(2, 3, activation="relu"), layers.Flatten(), layers.Dropout(0.5)]
    made = convnet.Sequential([*stack, layers.Dense(2, activation="softmax")])
    made.compile("adam", "sparse_categorical_crossentropy")
    made.fit(X, Y, epochs=2, verbose=0)
    made.metadata = {"classes": ["a", "b"]}
    return made


def answers(model):
    return model.predict(X)


def train_on(model):
    model.fit(X, Y, epochs=4, initial_epoch=2, verbose=0)
    return model.get_weights()


def travels(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    return importlib.import_module(name)


@pytest.mark.parametrize("way", ["pickle", "copy", "deepcopy", "cloudpickle"])
def test_a_copy_has_the_same_bits_and_trains_on_alike(model, way):
    there = {
        "pickle": lambda: pickle.loads(pickle.dumps(model)),
        "copy": lambda: copy.copy(model),
        "deepcopy": lambda: copy.deepcopy([model])[0],
        "cloudpickle": lambda: pickle.loads(travels("cloudpickle").dumps(model)),
    }[way]()
    assert there.metadata == model.metadata
    assert np.array_equal(answers(there), answers(model))
    before = model.get_weights()
    assert all(map(np.array_equal, train_on(there), train_on(copy.deepcopy(model))))
    assert all(map(np.array_equal, model.get_weights(), before)), "the copy shares memory with the original"


def test_a_pickle_names_no_code_but_from_bytes(model):
    found = [(op.name, arg) for op, arg, _ in pickletools.genops(pickle.dumps(model))]
    strings = [arg for name, arg in found if "UNICODE" in name]
    assert [name for name, _ in found if name in ("STACK_GLOBAL", "GLOBAL", "INST", "REDUCE")] == [
        "STACK_GLOBAL",
        "REDUCE",
    ]
    assert strings == ["convnet.model", "from_bytes"]


def test_a_damaged_pickle_of_a_model_is_a_clear_error(model):
    loads, (content,) = model.__reduce__()
    with pytest.raises(ModelFileError, match="not a model file, or damaged"):
        loads(content[:-1])
    with pytest.raises(ModelFileError, match="not a model file, or damaged"):
        loads(b"")


def test_a_model_without_parameters_says_what_to_do_first():
    with pytest.raises(TypeError, match="before it has parameters"):
        pickle.dumps(convnet.Sequential([layers.Dense(2)]))


def test_joblib_sends_it_to_its_workers(model):
    joblib = travels("joblib")
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(answers)(model) for _ in range(2))
    assert all(np.array_equal(f, answers(model)) for f in found)


def test_dask_scatters_it(model):
    distributed = travels("distributed")
    with distributed.Client(n_workers=1, threads_per_worker=4, processes=True, dashboard_address=None) as client:
        there = client.scatter(model)
        futures = [client.submit(answers, there, pure=False) for _ in range(8)]
        assert all(np.array_equal(f, answers(model)) for f in client.gather(futures))


def test_ray_puts_it(model):
    ray = travels("ray")
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        there = ray.put(model)
        assert np.array_equal(ray.get(ray.remote(answers).remote(there)), answers(model))
    finally:
        ray.shutdown()


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_layer_of_no_model_travels_too(way):
    there = way(convnet.layers.Conv2D(3, 2, activation="tanh"))
    convnet.set_random_seed(1)
    y = convnet.Sequential([there]).predict(np.ones((1, 4, 4, 2), np.float32), verbose=0)
    assert y.shape == (1, 3, 3, 3)
    assert np.abs(y).max() < 1  # tanh came along
