"""Shards: the batch's step within rounding, in one fixed order of adding; what each sample gets is its own."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convnet
from convnet import layers, losses
from convnet.distribute import Shards
from convnet.distribute.tree import add_up, cover, halves


def network(*more):
    convnet.set_random_seed(5)
    body = [layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(), *more, layers.Flatten()]
    return convnet.Sequential([layers.Input((8, 8, 1)), *body, layers.Dense(3, activation="softmax")], dtype="float64")


def data(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 8, 8, 1)), rng.integers(0, 3, n)


def trained(distribute, n=23, weights=None, loss="sparse_categorical_crossentropy", more=(), **fit):
    model = network(*more)
    model.compile("sgd", loss, ["accuracy"], distribute=distribute)
    history = model.fit(*data(n), batch_size=10, epochs=2, verbose=0, sample_weight=weights, **fit)
    return model, history.history


@given(shards=st.integers(1, 40), first=st.integers(0, 40), last=st.integers(0, 40))
def test_nodes_of_a_range_are_disjoint_and_are_the_range(shards, first, last):
    found = cover((0, shards), first, last)
    assert [s for a, b in found for s in range(a, b)] == list(range(first, min(last, shards)))


@given(shards=st.integers(1, 24), size=st.integers(1, 24), seed=st.integers(0, 2**32 - 1))
def test_the_sum_is_the_same_to_the_bit_wherever_the_shards_are_added_first(shards, size, seed):
    numbers = np.random.default_rng(seed).standard_normal((shards, 3)).astype(np.float32)
    expected = add_up((0, shards), {(s, s + 1): numbers[s].copy() for s in range(shards)})
    cuts = [r * shards // size for r in range(size + 1)]
    leaves = {(s, s + 1): numbers[s].copy() for s in range(shards)}
    nodes = [node for a, b in itertools.pairwise(cuts) for node in cover((0, shards), a, b)]
    np.testing.assert_array_equal(add_up((0, shards), {node: add_up(node, leaves) for node in nodes}), expected)


def test_the_tree_is_balanced_by_powers_of_two():
    assert halves((0, 8)) == ((0, 4), (4, 8))
    assert halves((0, 6)) == ((0, 4), (4, 6))
    assert halves((3, 5)) == ((3, 4), (4, 5))


@pytest.mark.parametrize("shards", [1, 3, 8, 16])
@pytest.mark.parametrize("weighted", [False, True])
def test_two_epochs_agree_with_those_of_whole_batches_within_rounding(shards, weighted):
    weights = np.random.default_rng(1).uniform(0, 3, 23) if weighted else None  # batches of 10, 10 and 3
    whole, expected = trained(None, weights=weights)
    parts, found = trained(Shards(shards), weights=weights)
    for mine, theirs in zip(parts.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-13)
    assert found["accuracy"] == expected["accuracy"]


def test_several_outputs_have_their_losses_and_metrics():
    def made(distribute):
        convnet.set_random_seed(5)
        start = layers.Input((8, 8, 1), dtype="float64")
        flat = layers.Flatten()(layers.Conv2D(3, 3, activation="relu")(start))
        outputs = {"class": layers.Dense(3, activation="softmax", name="class")(flat), "size": layers.Dense(1)(flat)}
        model = convnet.Model(start, outputs)
        loss = {"class": "sparse_categorical_crossentropy", "size": "mse"}
        model.compile("sgd", loss, {"class": ["accuracy"], "size": ["mae"]}, distribute=distribute)
        x, y = data(23)
        return model.fit(x, {"class": y, "size": x[:, 0, 0, 0]}, batch_size=10, verbose=0).history

    found, expected = made(Shards(4)), made(None)
    assert list(found) == list(expected)
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-12, err_msg=name)


def test_the_kept_statistics_are_the_mean_of_those_of_the_shards():
    convnet.set_random_seed(0)
    norm = layers.BatchNormalization(momentum=0.5)
    model = convnet.Sequential([layers.Input((4,)), norm, layers.Dense(1)], dtype="float64")
    model.compile("sgd", "mse", distribute=Shards(2))
    x = np.random.default_rng(0).standard_normal((5, 4))
    model.train_on_batch(x, np.zeros((5, 1)))
    mean, var = norm.parameters[2].value, norm.parameters[3].value
    each = [(0.5 * 0 + 0.5 * p.mean(0), 0.5 * 1 + 0.5 * p.var(0), len(p) / 5) for p in (x[:2], x[2:])]
    np.testing.assert_allclose(mean, sum(m * share for m, _, share in each), rtol=1e-12)
    np.testing.assert_allclose(var, sum(v * share for _, v, share in each), rtol=1e-12)


class Remembering(layers.GaussianNoise):
    """Note where in its stream each number that it draws is."""

    def draw(self, generator, shape):
        """Draw as GaussianNoise, and note the counter."""
        self.places.append(int(generator.bit_generator.state["state"]["counter"][3]))
        return super().draw(generator, shape)


def test_each_sample_draws_from_its_own_place_in_the_stream_as_in_a_whole_batch():
    found = []
    for distribute in (None, Shards(4)):
        noise = Remembering(0.1)
        noise.places = []
        trained(distribute, more=[noise])
        found.append(noise.places)
    assert found[0] == found[1] == list(range(46))


def test_a_batch_smaller_than_the_shards_leaves_some_empty():
    model, history = trained(Shards(16), n=3)
    assert np.isfinite(history["loss"]).all()
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_generators_own_steps_and_single_batches_are_cut_too():
    x, y = data(20)
    whole, _ = trained(Shards(4), n=20, shuffle=False)
    streamed = network()
    streamed.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"], distribute=Shards(4))
    batches = [(x[:10], y[:10]), (x[10:], y[10:])]
    streamed.fit((b for _ in range(2) for b in batches), epochs=2, steps_per_epoch=2, verbose=0)
    single = network()
    single.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"], distribute=Shards(4))
    for _ in range(2):
        for batch in batches:
            single.train_on_batch(*batch)
    for model in (streamed, single):
        for mine, theirs in zip(model.get_weights(), whole.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_models_file_holds_the_number_of_shards(tmp_path):
    model, _ = trained(Shards(4))
    model.save(tmp_path / "m.safetensors")
    again = convnet.load(tmp_path / "m.safetensors")
    assert again.distribute.get_config() == {"shards": 4}
    for one in (model, again):
        one.fit(*data(23), batch_size=10, initial_epoch=2, epochs=3, verbose=0)
    for mine, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (losses.CategoricalCrossentropy(reduction="sum"), "CategoricalCrossentropy with .*'sum'"),
        (losses.Dice(), "Dice with"),
    ],
)
def test_a_loss_that_is_no_mean_over_samples_is_refused(loss, said):
    x, y = data(10)
    model = network()
    model.compile("sgd", loss, distribute=Shards(2))
    with pytest.raises(ValueError, match=f"a loss must be a mean over samples.*{said}"):
        model.fit(x, np.eye(3)[y], verbose=0)


def test_what_is_no_distribution_is_refused():
    with pytest.raises(TypeError, match=r"distribute must be a convnet\.distribute\.Shards or MPI, got 8"):
        network().compile("sgd", "mse", distribute=8)
    with pytest.raises(ValueError, match="distribute is for target='cpu', got 'cuda-emulated'"):
        network().compile("sgd", "mse", distribute=Shards(2), target="cuda-emulated")
    with pytest.raises(ValueError, match="shards"):
        Shards(0)
    with pytest.raises(ValueError, match="up to 4096"):
        Shards(5000)
