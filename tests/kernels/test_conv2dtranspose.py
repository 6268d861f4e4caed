"""conv2dtranspose: every variant is the reference on integers, and the adjoint of the convolution it transposes."""

import numpy as np
import pytest

from kernels import conv2d, conv2dtranspose, registry

ALL = pytest.mark.parametrize("variant", ["reference", *registry.variants("conv2dtranspose", "cpu")])
CASES = {
    "plain": ((2, 4, 5, 3), (3, 2, 4, 3), {}),
    "strided": ((1, 4, 5, 3), (3, 3, 4, 3), {"stride": 2, "padding": ((0, 1), (1, 0))}),
    "gaps": ((2, 3, 3, 2), (1, 2, 3, 2), {"stride": (3, 2), "output_padding": (2, 1)}),
    "dilated groups": ((1, 3, 4, 6), (2, 3, 2, 6), {"dilation": 2, "groups": 3, "padding": 1}),
}


def arrays(case):
    x_shape, k_shape, settings = CASES[case]
    geometry = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1} | settings
    _, y_shape = conv2dtranspose.geometry(x_shape, k_shape, **geometry)
    rng = np.random.default_rng(0)
    x, k, b, dy = (rng.integers(-4, 5, s).astype(np.float32) for s in (x_shape, k_shape, y_shape[3:], y_shape))
    return x, k, b, dy, settings


@ALL
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_data_gradient_of_the_convolution_and_its_gradients_are_the_convolutions(case, variant):
    """The oracle is conv2d's reference: with x in the place of dy, y in that of dx."""
    x, k, b, dy, settings = arrays(case)
    same = {n: v for n, v in settings.items() if n != "output_padding"} | {"variant": "reference"}
    y = conv2dtranspose.forward(x, k, b, variant=variant, **settings)
    np.testing.assert_array_equal(y, conv2d.backward_data(x, k, y.shape, **same) + b)
    dx = conv2dtranspose.backward_data(dy, k, x.shape, variant=variant, **settings)
    np.testing.assert_array_equal(dx, conv2d.forward(dy, k, **same))
    dk, db = conv2dtranspose.backward_weights(x, dy, k.shape, variant=variant, **settings)
    np.testing.assert_array_equal(dk, conv2d.backward_weights(dy, x, k.shape, **same)[0])
    np.testing.assert_array_equal(db, dy.sum((0, 1, 2)))


@ALL
def test_each_pixel_writes_the_kernel_and_where_they_overlap_they_are_added(variant):
    x, k = np.array([1.0, 10.0]).reshape(1, 1, 2, 1), np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
    y = conv2dtranspose.forward(x, k, stride=2, padding=((0, 0), (1, 0)), variant=variant)
    np.testing.assert_array_equal(y.ravel(), [2, 13, 20, 30])


def test_large_arrays_that_several_threads_share_are_conv2ds():
    rng = np.random.default_rng(1)
    x, k = rng.integers(-2, 3, (4, 24, 24, 8)).astype("f4"), rng.integers(-2, 3, (2, 2, 70, 8)).astype("f4")
    b = np.arange(70, dtype="f4")
    y = conv2dtranspose.forward(x, k, b, stride=2)
    np.testing.assert_array_equal(y, conv2d.backward_data(x, k, y.shape, stride=2) + b)
    np.testing.assert_array_equal(conv2dtranspose.backward_weights(x, y, k.shape, stride=2)[1], y.sum((0, 1, 2)))


def test_what_does_not_fit_is_named():
    x, k = np.ones((1, 3, 3, 2)), np.ones((2, 2, 4, 3))
    with pytest.raises(ValueError, match="x has 2 channels, which must be those of k, 3"):
        conv2dtranspose.forward(x, k)
    with pytest.raises(ValueError, match="output_padding 1, which must be less than the stride"):
        conv2dtranspose.forward(x, np.ones((2, 2, 4, 2)), output_padding=1)
    with pytest.raises(ValueError, match="padding must be numbers here"):
        conv2dtranspose.forward(x, np.ones((2, 2, 4, 2)), padding="same")
