"""A model abstains outside of what it was trained on, says why, and keeps the statistics in its file."""

import json

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis
from scipy.special import softmax
from sklearn.covariance import LedoitWolf

import convnet
from convnet.diagnosis.diagnose import cases, diagnose, lines
from convnet.evaluation.calibration import calibrate
from convnet.model import load
from convnet.study import outlier, training_domain
from convnet.study.features import features, last_inputs, project
from convnet.study.metadata import read_record
from convnet.study.networks import NETWORKS
from kernels import conv2d


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
    assert known["outlier"]["score"] <= known["outlier"]["threshold"]


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
    assert any("its features are unlike training" in w for w in why)


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
    of_two = lines(diagnose(model, [ct(), ct()]))
    assert [("not checked" in line) for line in of_two[:3]] == [False, False, True]  # once for all, not on every line


def test_an_electrocardiogram_makes_an_image_model_abstain(model):
    import pydicom.data

    r = result(model, pydicom.data.get_testdata_file("waveform_ecg.dcm"))
    assert r["label"] is None
    assert "electrocardiogram" in r["abstains"][0]


def test_the_threshold_is_the_validation_images_own(model, phantom):
    from convnet.data import cohort

    recorded = model.metadata["scope"]["outlier"]
    data = cohort.load_folder(phantom, phantom / "labels.csv", size=28)
    scores = outlier.score(recorded, features(model, data.split("val")[0]))
    assert recorded["threshold"] == pytest.approx(np.quantile(scores, 0.99, method="higher"))
    assert np.median(outlier.distances(recorded["kinds"]["last"], features(model, data.split("val")[0])["last"])) == (
        pytest.approx(recorded["kinds"]["last"]["usual"])
    )
    assert recorded["images"] == 32


def test_no_damaged_scope_gets_through(model):
    good = model.metadata["scope"]
    training_domain.check(good)
    training_domain.check(None)
    last, known = good["outlier"]["kinds"]["last"], good["outlier"]
    broken = [
        [], 3, {}, {**good, "modality": 3}, {**good, "intensity": {"mean": [0, 1]}},
        {**good, "sides": ["a", "b"]}, {**good, "intensity": {"mean": [0, 1], "sd": [0, float("nan")]}},
        *({**good, "outlier": {**known, **change}} for change in (
            {"threshold": "x"}, {"threshold": [1.0]}, {"kinds": {}}, {"kinds": {"last": last}}, {"kinds": 3},
        )),
        *({**good, "outlier": {**known, "kinds": {**known["kinds"], "last": {**last, **change}}}} for change in (
            {"means": []}, {"means": [[1.0], [2.0, 3.0]]}, {"means": [[float("inf")] * 128]}, {"usual": 0.0},
            {"whitening": "AAAA"}, {"whitening": "not base64"}, {"whitening": 3}, {"means": [[1.0] * 3]},
        )),
    ]  # fmt: skip
    for one in broken:
        with pytest.raises(ValueError, match="damaged"):
            training_domain.check(one)
        model.metadata["scope"] = one
        with pytest.raises(ValueError, match="damaged"):
            next(cases(model, []))


def test_the_scope_survives_the_file_to_the_last_digit(model, model_file):
    assert load(model_file).metadata["scope"] == json.loads(json.dumps(model.metadata["scope"]))


@given(st.integers(30, 90), st.integers(2, 12), st.integers(0, 99))
def test_the_distance_is_mahalanobis_with_ledoit_and_wolfs_covariance(n, D, seed):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    f = rng.normal(size=(n, D)) * rng.uniform(0.5, 3, D) + 4 * y[:, None]
    kind = outlier.spread(f, y)
    means = np.stack([f[y == c].mean(axis=0) for c in (0, 1, 2)])
    within = f - means[y]
    sd = within.std(axis=0)
    covariance = LedoitWolf(assume_centered=True).fit(within / sd).covariance_ * np.outer(sd, sd)
    expected = [min(mahalanobis(g, m, np.linalg.inv(covariance)) for m in means) / np.sqrt(D) for g in f]
    np.testing.assert_allclose(outlier.distances(kind, f), expected, rtol=1e-4)


def test_the_score_is_the_largest_distance_in_units_of_the_usual_one():
    rng = np.random.default_rng(0)
    f = {name: rng.normal(size=(200, 3)) * scale for name, scale in (("textures", 1), ("last", 100))}
    val = {name: 3 * values[:50] for name, values in f.items()}
    recorded = outlier.learn(f, np.zeros(200, int), val)
    each = [outlier.distances(recorded["kinds"][name], val[name]) for name in f]
    expected = np.max([d / np.median(d) for d in each], axis=0)
    np.testing.assert_allclose(outlier.score(recorded, val), expected)
    assert np.median(expected) < 1.5
    assert recorded["threshold"] == np.quantile(expected, 0.99, method="higher")


def test_a_channel_that_never_answered_counts_when_it_does():
    f = np.concatenate([np.random.default_rng(0).normal(size=(50, 3)), np.zeros((50, 1))], axis=1)
    kind = outlier.spread(f, np.zeros(50, int))
    usual, awake = np.zeros((1, 4)), np.array([[0, 0, 0, 0.5]])
    assert outlier.distances(kind, usual)[0] < 1
    assert outlier.distances(kind, awake)[0] > 10


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_the_last_features_are_what_the_last_dense_layer_multiplies(network):
    shape = (1, 64, 12) if network == "wave" else (28, 28, 1)
    net = NETWORKS[network](3)
    x = np.random.default_rng(0).random((5, *shape), np.float32)
    p = net.predict(x, batch_size=5)
    (node,) = last_inputs(net.graph(shape))
    width = node.sample_shape[-1]
    f = features(net, x)["last"]
    assert f.shape == (5, min(192, width))
    if width <= 192:
        dense = next(layer for layer in net.layers[::-1] if isinstance(layer, convnet.layers.Dense))
        z = f @ dense.kernel.value + dense.bias.value
        np.testing.assert_allclose(p, softmax(z, axis=1), atol=1e-5)


def test_textures_are_each_channels_mean_and_spread():
    conv, dense = convnet.layers.Conv2D(3, 5), convnet.layers.Dense(2)
    net = convnet.Sequential([convnet.layers.Input((9, 8, 1)), conv, convnet.layers.Flatten(), dense])
    x = np.random.default_rng(0).random((4, 9, 8, 1), np.float32)
    y = conv2d.forward(x, conv.kernel.value, conv.bias.value, variant="reference")
    expected = np.concatenate([y.mean(axis=(1, 2)), y.std(axis=(1, 2))], axis=1)
    np.testing.assert_allclose(features(net, x)["textures"], expected, atol=1e-6)


def test_an_ensembles_features_are_its_members_together():
    start = convnet.layers.Input((28, 28, 1))
    members = [NETWORKS["gap"](2, name=f"m{n}") for n in range(3)]
    total = members[0](start)
    for member in members[1:]:
        total = total + member(start)
    joined = convnet.Model(start, total)
    x = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    separate = np.concatenate([features(m, x)["last"] for m in members], axis=1)
    np.testing.assert_array_equal(features(joined, x)["last"], separate)


def test_projection_keeps_distances_and_small_features_as_they_are():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(20, 4000))
    np.testing.assert_array_equal(project(a[:, :192]), a[:, :192])
    full, low = (np.linalg.norm(v[:10] - v[10:], axis=1) for v in (a, project(a)))
    np.testing.assert_allclose(low / full, 1, atol=0.2)  # 1 / sqrt(2 * 192) = 0.05 is one standard deviation


@given(st.floats(0.05, 20), st.integers(2, 6), st.integers(0, 99))
def test_a_temperature_divides_the_logits(T, classes, seed):
    model = convnet.Sequential(name="m")
    model.metadata = {"temperature": T}
    z = np.random.default_rng(seed).normal(0, 4, (5, classes))
    np.testing.assert_allclose(
        calibrate(softmax(z, axis=1), read_record(model).temperature), softmax(z / T, axis=1), atol=1e-12
    )


def test_diagnose_calibrates_by_the_recorded_temperature_and_says_so(model, ct):
    plain = diagnose(model, [ct()])
    assert plain["calibrated"] is False
    assert "not calibrated" in " ".join(lines(plain))
    model.metadata["temperature"] = 2.0
    warm = diagnose(model, [ct()])
    assert warm["calibrated"] is True
    assert "not calibrated" not in " ".join(lines(warm))
    p, q = (np.array(list(r["images"][0]["probabilities"].values())) for r in (plain, warm))
    np.testing.assert_allclose(q, np.sqrt(p) / np.sqrt(p).sum(), rtol=1e-6)


@pytest.mark.parametrize("wrong", [0, -1.0, "1", float("nan"), True, [1.0]])
def test_a_temperature_that_is_none_is_refused(model, ct, wrong):
    model.metadata["temperature"] = wrong
    with pytest.raises(ValueError, match="temperature"):
        diagnose(model, [ct()])
