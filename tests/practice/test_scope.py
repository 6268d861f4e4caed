"""A model abstains outside of what it was trained on, says why, and keeps the statistics in its file."""

import json

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convnet
from convnet import scope
from convnet.diagnose import cases, diagnose, lines
from convnet.features import features, last_inputs, project
from convnet.networks import NETWORKS
from convnet.weights import load


def result(model, path):
    found = diagnose(model, [path])
    assert found["failed"] == []
    return found["images"][0]


def test_test_images_of_the_same_study_are_classified(model, phantom):
    found = diagnose(model, sorted((phantom / "test").iterdir()))["images"]
    assert sum(r["label"] is None for r in found) <= 2  # of 32; 1 in 100 by intention
    known = next(r for r in found if r["label"] is not None)
    assert sum(known["probabilities"].values()) == pytest.approx(1)
    assert known["abstains"] == []
    assert known["outlier"]["distance"] <= known["outlier"]["threshold"]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"Modality": "MR"}, "modality is 'MR'; trained on CT"),
        ({"BodyPartExamined": "FOOT"}, "body part is 'FOOT'; trained on "),
        ({"WindowCenter": -900, "WindowWidth": 100}, "mean of the grey values is"),
        ({"WindowCenter": 40, "WindowWidth": 40000}, "sd of the grey values is"),
    ],
)
def test_an_image_of_another_kind_makes_it_abstain_with_the_reason(model, ct, header, reason):
    r = result(model, ct(**header))
    assert r["label"] is None
    assert r["probabilities"] is None
    assert any(reason in why for why in r["abstains"])


def test_an_image_of_another_size_makes_it_abstain(model, ct):
    for side, fits in ((10, False), (20, True), (50, True), (70, False)):
        ds = pydicom.dcmread(ct())
        tile = np.resize(ds.pixel_array, (side, side))
        why = result(model, ct(tile))["abstains"]
        assert any(f"size is {side}x{side}; trained on sides of 28 to 28" in w for w in why) != fits


def test_structure_that_training_never_showed_makes_it_abstain(model, ct):
    stripes = np.where(np.arange(28) // 4 % 2, 1024 + 90, 1024 - 10)[None].repeat(28, 0)
    why = result(model, ct(stripes))["abstains"]
    assert any("its features lie at distance" in w for w in why)


def test_what_a_header_does_not_say_is_unchecked_and_not_a_reason(model, ct):
    model.metadata["scope"]["sides"] = None
    r = result(model, ct(Modality="", BodyPartExamined=""))
    expected = ["modality (the image states none)", "body part (the image states none)", "size (training states none)"]
    assert r["unchecked"] == expected
    assert not any("modality" in why or "size" in why for why in r["abstains"])


def test_a_model_file_without_a_scope_says_that_nothing_was_checked(model, ct):
    del model.metadata["scope"]
    r = result(model, ct(Modality="MR"))
    assert r["label"] is not None
    assert r["unchecked"] == ["the model file does not record what it was trained on"]
    assert "not checked: the model file does not record" in lines(diagnose(model, [ct()]))[0]


def test_an_electrocardiogram_makes_an_image_model_abstain(model):
    import pydicom.data

    r = result(model, pydicom.data.get_testdata_file("waveform_ecg.dcm"))
    assert r["label"] is None
    assert "electrocardiogram" in r["abstains"][0]


def test_the_threshold_is_the_validation_images_own(model, phantom):
    from convnet.data import cohort

    recorded = model.metadata["scope"]["outlier"]
    data = cohort.load_folder(phantom, phantom / "labels.csv", size=28)
    d = scope.distances(recorded, features(model, data.split("val")[0]))
    assert recorded["threshold"] == pytest.approx(np.quantile(d, 0.99, method="higher"), rel=1e-5)
    assert recorded["images"] == 32


def test_no_damaged_scope_gets_through(model):
    good = model.metadata["scope"]
    scope.check(good)
    scope.check(None)
    broken = [
        [], 3, {}, {**good, "modality": 3}, {**good, "intensity": {"mean": [0, 1]}},
        {**good, "sides": ["a", "b"]}, {**good, "intensity": {"mean": [0, 1], "sd": [0, float("nan")]}},
        *({**good, "outlier": {**good["outlier"], **change}} for change in (
            {"means": []}, {"means": [[1.0], [2.0, 3.0]]}, {"scale": [0.0] * 16}, {"scale": [1.0]}, {"rest": 0.0},
            {"directions": [[1.0]]}, {"threshold": "x"}, {"threshold": [1.0]}, {"means": [[float("inf")] * 128]},
        )),
    ]  # fmt: skip
    for one in broken:
        with pytest.raises(ValueError, match="damaged"):
            scope.check(one)
        model.metadata["scope"] = one
        with pytest.raises(ValueError, match="damaged"):
            next(cases(model, []))


def test_the_scope_survives_the_file_to_the_last_digit(model, model_file):
    assert load(model_file).metadata["scope"] == json.loads(json.dumps(model.metadata["scope"]))


@given(st.integers(30, 60), st.integers(2, 12), st.integers(0, 99))
def test_the_distance_is_mahalanobis_where_all_directions_are_kept(n, D, seed):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    f = rng.normal(size=(n, D)) * rng.uniform(0.5, 3, D) + 4 * y[:, None]
    statistics = scope.spread(f, y)
    means = np.stack([f[y == c].mean(axis=0) for c in (0, 1)])
    u, s, rest = statistics["directions"], statistics["scale"], float(statistics["rest"])
    r = len(u)
    full = np.linalg.qr(np.concatenate([u, rng.normal(size=(D - r, D))]).T)[0].T  # u and what it does not span
    variance = np.concatenate([s**2, np.full(D - r, rest**2)])
    covariance = full.T @ np.diag(variance) @ full
    inverse = np.linalg.inv(covariance)
    expected = [min((g - m) @ inverse @ (g - m) for m in means) / D for g in f]
    np.testing.assert_allclose(scope.distances(statistics, f) ** 2, expected, rtol=1e-6)


def test_directions_are_those_of_the_covariance_within_classes():
    rng = np.random.default_rng(1)
    y = np.arange(4000) % 2
    f = rng.normal(size=(4000, 5)) * [3, 2, 1, 0.5, 0.25] + 10 * y[:, None]
    statistics = scope.spread(f, y)
    np.testing.assert_allclose(statistics["scale"], [3, 2, 1, 0.5], rtol=0.05)
    np.testing.assert_allclose(float(statistics["rest"]), 0.25, rtol=0.05)


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_the_last_features_are_what_the_last_dense_layer_multiplies(network):
    shape = (1, 64, 12) if network == "wave" else (28, 28, 1)
    net = NETWORKS[network](3)
    x = np.random.default_rng(0).random((5, *shape), np.float32)
    p = net.predict(x, batch_size=5)
    (node,) = last_inputs(net.graph(shape))
    f = features(net, x)
    if f.shape[1] == node.sample_shape[-1]:
        dense = next(layer for layer in net.layers[::-1] if isinstance(layer, convnet.layers.Dense))
        z = f @ dense.kernel.value + dense.bias.value
        e = np.exp(z - z.max(axis=1, keepdims=True))
        expected = 1 / (1 + np.exp(-z)) if network == "formula" else e / e.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(p, expected, atol=1e-5)
    assert f.shape == (5, min(256, node.sample_shape[-1]))


def test_an_ensembles_features_are_its_members_together():
    start = convnet.layers.Input((28, 28, 1))
    members = [NETWORKS["gap"](2, name=f"m{n}") for n in range(3)]
    total = members[0](start)
    for member in members[1:]:
        total = total + member(start)
    joined = convnet.Model(start, total)
    x = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    np.testing.assert_array_equal(features(joined, x), np.concatenate([features(m, x) for m in members], axis=1))


def test_projection_keeps_distances_and_small_features_as_they_are():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(20, 4000))
    np.testing.assert_array_equal(project(a[:, :256]), a[:, :256])
    full, low = (np.linalg.norm(v[:10] - v[10:], axis=1) for v in (a, project(a)))
    np.testing.assert_allclose(low / full, 1, atol=0.2)  # 1 / sqrt(2 * 256) is one standard deviation
