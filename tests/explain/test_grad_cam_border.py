"""Grad-CAM at the image's edges: zero padding leaves no trace, and nothing else changes."""

import numpy as np
import pytest

from convnet.explain import grad_cam
from convnet.explain.maps.attribution import reach
from convnet.study.networks import NETWORKS
from convnet.terms.receptive import Field, fields
from convnet.utils import set_random_seed

PADDED = ("gap", "resnet")


def built(network, shape):
    """Return the network with statistics of its own, as after training: then a grey image is no zero inside."""
    set_random_seed(0)
    model = NETWORKS[network](2)
    model.build((None, *shape))
    rng = np.random.default_rng(1)
    for parameter in model.parameters:
        if "moving_mean" in parameter.name or "beta" in parameter.name:
            parameter.value[...] = rng.normal(0, 0.2, parameter.value.shape)
    return model


@pytest.mark.parametrize("network", PADDED)
@pytest.mark.parametrize("shape", [(28, 28, 1), (45, 38, 1)])
def test_a_constant_image_has_a_constant_map(network, shape):
    model, x = built(network, shape), np.full(shape, 0.6, np.float32)
    classes = [c for c in (0, 1) if grad_cam(model, x, c).any()]
    assert classes
    for c in classes:
        found = grad_cam(model, x, c)
        assert np.ptp(found) <= 1e-4 * found.max()
        assert np.ptp(grad_cam(model, x, c, border="zero")) > 0.05 * found.max()  # the frame that padding draws


@pytest.mark.parametrize("network", PADDED)
def test_numbers_that_see_only_the_image_are_the_networks_own(network):
    shape = (150, 133, 1)
    model, x = built(network, shape), np.random.default_rng(2).random(shape, np.float32)
    graph = model.graph(shape)
    place = max(n for n, call in enumerate(graph.calls) if len(call.output.sample_shape) == 3)
    field, size = fields(graph)[place], graph.calls[place].output.sample_shape
    inside = np.ones(size[:2], bool)
    for axis, span in enumerate((field.rows, field.columns)):
        whole = [span(i)[0] >= 0 and span(i)[1] < shape[axis] for i in range(size[axis])]
        inside &= np.array(whole).reshape((-1, 1) if axis == 0 else (1, -1))
    assert 0 < inside.sum() < inside.size
    for c in (0, 1):
        own, found = (grad_cam(model, x, c, upsample=False, border=b) for b in ("zero", "repeat"))
        np.testing.assert_allclose(found[inside], own[inside], rtol=1e-4, atol=1e-5 * own.max())


def test_a_network_without_padding_has_the_same_map():
    model, x = built("listing", (28, 28, 1)), np.random.default_rng(3).random((28, 28, 1), np.float32)
    assert np.array_equal(grad_cam(model, x, 1), grad_cam(model, x, 1, border="zero"))


def test_the_margin_is_in_whole_steps():
    assert reach(Field((7, 3), (2, 1), (-3, 0)), (4, 6), (8, 8)) == (4, 0)  # rows -3 to 9 of 0 to 7
    assert reach(Field((3, 3), (1, 4), (0, -1)), (6, 2), (8, 6)) == (0, 4)  # columns -1 to 5 of 0 to 5


def test_another_border_is_refused():
    with pytest.raises(ValueError, match="border must be 'repeat' or 'zero', got 'black'"):
        grad_cam(built("gap", (28, 28, 1)), np.zeros((28, 28, 1), np.float32), 0, border="black")
