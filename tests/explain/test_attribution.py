"""Grad-CAM and occlusion: against their formulas, and on a network that has learned to see a square."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.explain import grad_cam, occlusion, randomisation_check
from convnet.explain.maps.attribution import spread
from convnet.study.networks import NETWORKS
from convnet.terms.receptive import Field
from tests.explain.small_models import cam_model, image, trained_on_lesions


@pytest.fixture(scope="module")
def learned():
    from convnet.utils import set_random_seed

    set_random_seed(0)
    return trained_on_lesions()


def maps_before_pooling(model, x):
    a = x[None]
    for layer in model.layers[:2]:
        a = layer(a)
    return a[0]


def test_grad_cam_of_a_cam_network_is_cam():
    """Zhou et al. 2016: sum_f w[f,c] A[i,j,f]; each gradient's mean is w[f,c] divided by the number of pixels."""
    model, x = cam_model(), image()
    maps = maps_before_pooling(model, x)
    for c in range(3):
        cam = np.maximum(maps @ model.layers[3].kernel.value[:, c] / maps[..., 0].size, 0)
        np.testing.assert_allclose(grad_cam(model, x, c, upsample=False, border="zero"), cam, rtol=1e-12, atol=1e-15)


def test_the_weights_of_grad_cam_are_central_differences_of_the_score():
    """Through pooling, Flatten and two dense layers, at a relu's output: also where it is 0."""
    tail = [
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(6, activation="sigmoid"),
        layers.Dense(3, activation="softmax"),
    ]
    conv = layers.Conv2D(3, 3, activation="relu", dtype="float64")
    model = convnet.Sequential([conv, *tail], dtype="float64")
    x = image(8)
    model.build((None, *x.shape))
    maps, h = conv(x[None]), 1e-6
    logits = convnet.Sequential([*tail[:-1]], dtype="float64")

    def score(a):
        return float((logits(a) @ tail[-1].kernel.value + tail[-1].bias.value)[0, 1])

    gradient = np.empty(maps.shape)
    for place in np.ndindex(maps.shape):
        up, down = maps.copy(), maps.copy()
        up[place] += h
        down[place] -= h
        gradient[place] = (score(up) - score(down)) / (2 * h)
    expected = np.maximum(maps[0] @ gradient[0].mean(axis=(0, 1)), 0)
    assert (maps == 0).any()
    assert expected.max() > 0
    np.testing.assert_allclose(grad_cam(model, x, 1, conv, upsample=False), expected, atol=1e-8)


@pytest.mark.parametrize("network", NETWORKS)
def test_grad_cam_and_occlusion_explain_every_network_that_the_command_line_trains(network):
    model = NETWORKS[network](3)
    shape = (1, 280, 12) if network == "wave" else (28, 28, 1)
    x = np.random.default_rng(0).random(shape, np.float32)
    model.build((None, *shape))
    found = [method(model, x, 2) for method in (grad_cam, occlusion)]
    assert all(a.shape == shape[:2] and a.dtype == np.float64 and np.isfinite(a).all() for a in found)
    assert found[0].min() >= 0
    assert np.ptp(found[1]) > 0


def test_the_layer_is_the_last_one_before_pooling_unless_named():
    model = NETWORKS["listing"](3)
    x = image(28, 1).astype(np.float32)
    model.build((None, 28, 28, 1))
    assert grad_cam(model, x, 0, upsample=False).shape == (11, 11)
    assert grad_cam(model, x, 0, model.pool, upsample=False).shape == (5, 5)
    by_name = grad_cam(model, x, 0, model.conv1.name, upsample=False)
    np.testing.assert_array_equal(by_name, grad_cam(model, x, 0, model.conv1, upsample=False))
    assert by_name.shape == (26, 26)
    with pytest.raises(ValueError, match=rf"no layer 'dense9'.*{model.conv1.name}, {model.pool.name}"):
        grad_cam(model, x, 0, "dense9")
    flat = convnet.Sequential([layers.Flatten(), layers.Dense(2)])
    with pytest.raises(ValueError, match="no layer of this model gives an image"):
        grad_cam(flat, x, 0)


def test_a_number_of_a_layer_stands_at_the_middle_of_its_receptive_field():
    """Two outputs that see rows 0..2 and 4..6, columns -1..1 and 1..3: their middles are (1 or 5, 0 or 2)."""
    field = Field(size=(3, 3), step=(4, 2), start=(0, -1))
    out = spread(np.array([[1.0, 2.0], [3.0, 5.0]]), field, (8, 4))
    np.testing.assert_array_equal(out[1], [1, 1.5, 2, 2])
    np.testing.assert_array_equal(out[5], [3, 4, 5, 5])
    np.testing.assert_array_equal(out[:, 0], [1, 1, 1.5, 2, 2.5, 3, 3, 3])


def test_occlusion_is_the_mean_drop_over_the_squares_that_cover_the_pixel():
    """A linear model: covering pixel t with 0 drops the output by w[t] x[t], whatever else is covered."""
    model = convnet.Sequential([layers.Flatten(), layers.Dense(2, use_bias=False)], dtype="float64")
    x = image(5, 1)
    model.build((None, *x.shape))
    w = model.layers[1].kernel.value.reshape(5, 5, 2)
    part = w[..., 1] * x[..., 0]
    np.testing.assert_allclose(occlusion(model, x, 1, size=1, fill=0), part, atol=1e-12)
    expected = np.zeros((5, 5))
    starts = (0, 2, 3)  # every 2 pixels, and one that ends with the image
    for h, v in np.ndindex(5, 5):
        drops = [
            part[top : top + 2, left : left + 2].sum()
            for top in starts
            for left in starts
            if top <= h < top + 2 and left <= v < left + 2
        ]
        expected[h, v] = np.mean(drops)
    np.testing.assert_allclose(occlusion(model, x, 1, size=2, stride=2, fill=0), expected, atol=1e-12)


def test_occlusion_covers_with_each_channels_mean_unless_told():
    """Constant channels covered by their means: nothing changes."""
    model = cam_model()
    x = np.ones((12, 12, 2)) * [3.0, -1.0]
    np.testing.assert_array_equal(occlusion(model, x, 0), 0)
    assert np.abs(occlusion(model, x, 0, fill=0.0)).max() > 0


def test_both_maps_find_the_square_that_the_network_has_learned_to_see(learned):
    """The map's mean inside of the square is far above its mean outside."""
    model, x, corners = learned
    for method in (grad_cam, occlusion):
        ratios = []
        for one, (top, left) in zip(x, corners, strict=True):
            heat, inside = np.maximum(method(model, one, 1), 0), np.zeros((16, 16), bool)
            inside[top : top + 5, left : left + 5] = True
            ratios.append(heat[inside].mean() / heat[~inside].mean())
        assert np.median(ratios) > 3


def test_maps_of_a_learned_network_lose_their_order_as_its_layers_are_randomised(learned):
    model, x, _ = learned
    before = model.get_weights()
    for method in (grad_cam, occlusion):
        result = randomisation_check(model, x, 1, method, draws=5)
        assert result.layers == tuple(layer.name for layer in model.layers[::-1] if layer.own_parameters)
        assert abs(result.correlations[-1]) < 0.4
        assert max(result.correlations) < 0.9
        assert result.maps == 60
        assert "conv2d" in str(result)
        assert "<table>" in result._repr_html_()
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


def test_a_map_that_shows_the_image_alone_does_not_pass(learned):
    """Edges look convincing, and stay the same for a network that knows nothing."""
    model, x, _ = learned

    def edges(model, image, class_index):
        return np.hypot(*np.gradient(image[..., 0]))

    result = randomisation_check(model, x, 1, edges, draws=1)
    assert result.correlations == pytest.approx([1.0] * 4)
    assert result.method == "edges"


def test_maps_that_are_constant_from_the_beginning_prove_nothing(learned):
    """They would else fall "to 0" at once, and pass."""
    model, x, _ = learned

    def blank_for_some(model, image, class_index):
        return image[..., 0] * float(image[0, 0, 0] > x[5, 0, 0, 0])

    result = randomisation_check(model, x, 1, blank_for_some, draws=1)
    blank = int(np.sum(x[:, 0, 0, 0] <= x[5, 0, 0, 0]))
    assert (result.left_out, result.maps) == (blank, len(x) - blank)
    assert result.correlations == pytest.approx([1.0] * 4)
    assert f"left out: {blank} images" in str(result)
    with pytest.raises(ValueError, match="constant maps only"):
        randomisation_check(model, x, 1, lambda model, image, class_index: np.zeros((16, 16)))


def test_the_weights_come_back_also_when_the_method_fails(learned):
    model, x, _ = learned
    before, calls = model.get_weights(), []

    def failing(model, image, class_index):
        calls.append(1)
        if len(calls) > len(x):
            raise RuntimeError("no")
        return image[..., 0]

    with pytest.raises(RuntimeError, match="no"):
        randomisation_check(model, x, 1, failing)
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


def test_explaining_changes_nothing_in_the_model():
    """Neither weights nor a compiled model's next step."""
    x, y = np.random.default_rng(0).random((8, 12, 12, 2)), np.arange(8) % 3
    losses = []
    for explained in (False, True):
        convnet.set_random_seed(3)
        model = cam_model()
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.train_on_batch(x, y)
        if explained:
            grad_cam(model, x[0], 0)
            occlusion(model, x[0], 0)
        losses.append([model.train_on_batch(x, y) for _ in range(2)])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("method", [grad_cam, occlusion])
def test_what_does_not_fit_is_named(method):
    model, x = cam_model(), image()
    with pytest.raises(ValueError, match=r"class_index must be in 0\.\.2"):
        method(model, x, 3)
    with pytest.raises(ValueError, match=r"add the channels, image\[\.\.\., None\]"):
        method(model, x[..., 0], 0)
    with pytest.raises(ValueError, match=r"one image of a batch, x\[0\]"):
        method(model, x[None], 0)


def test_a_square_that_does_not_fit_is_named():
    model, x = cam_model(), image()
    with pytest.raises(ValueError, match=r"larger than the image of \(12, 12\)"):
        occlusion(model, x, 0, size=13)
    with pytest.raises(ValueError, match="would never be covered"):
        occlusion(model, x, 0, size=2, stride=3)


def test_a_method_that_gives_no_map_and_a_fill_that_is_no_number_are_named():
    model, x = cam_model(), image()
    with pytest.raises(ValueError, match="method must be a function such as grad_cam, got 'grad_cam'"):
        randomisation_check(model, x[None], 1, "grad_cam")
    with pytest.raises(ValueError, match=r"nothing must give maps of \(12, 12\), gave \(\)"):
        randomisation_check(model, x[None], 1, nothing)
    with pytest.raises(ValueError, match="fill must be a number, got nan"):
        occlusion(model, x, 1, fill=float("nan"))


def nothing(model, image, class_index):
    return None
