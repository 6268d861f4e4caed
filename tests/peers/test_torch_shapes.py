"""Beside PyTorch: pooling with ceil_mode, dilation and counted padding; transposed convolution; resizing."""

import numpy as np
import pytest

from convnet import layers

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'formula-convnet[peers]'", exc_type=ImportError)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 9, 8, 4)).astype("f")


def channels_first(x):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


def channels_last(y):
    return np.moveaxis(y.numpy(), 1, -1)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pooling_is_torchs(size, stride, pad, ceil_mode):
    settings, sides = (
        {"strides": stride, "padding": ((pad, pad), (pad, pad)), "ceil_mode": ceil_mode},
        channels_first(X),
    )
    for dilation in (1, 2):
        expected = torch.nn.functional.max_pool2d(sides, size, stride, pad, dilation, ceil_mode)
        found = layers.MaxPooling2D(size, dilation_rate=dilation, **settings)(X)
        np.testing.assert_array_equal(found, channels_last(expected))
    for counted in (False, True):
        expected = torch.nn.functional.avg_pool2d(sides, size, stride, pad, ceil_mode, counted)
        found = layers.AveragePooling2D(size, count_include_pad=counted, **settings)(X)
        np.testing.assert_allclose(found, channels_last(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("stride", "pad", "more", "dilation"), [(1, 0, 0, 1), (2, 1, 1, 1), (3, 2, 2, 2), (2, 0, 0, 2)]
)
def test_transposed_convolution_is_torchs(stride, pad, more, dilation, groups):
    layer = layers.Conv2DTranspose(6, 3, stride, ((pad, pad), (pad, pad)), more, dilation_rate=dilation, groups=groups)
    layer(X)
    k, b = (RNG.standard_normal(w.shape).astype("f") for w in layer.get_weights())
    layer.set_weights([k, b])
    weight = torch.from_numpy(np.ascontiguousarray(k.transpose(3, 2, 0, 1)))  # (C,F/groups,P,Q)
    expected = torch.nn.functional.conv_transpose2d(
        channels_first(X), weight, torch.from_numpy(b), stride, pad, more, groups, dilation
    )
    np.testing.assert_allclose(layer(X), channels_last(expected), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("size", [(18, 16), (5, 11), (4, 4)])
@pytest.mark.parametrize("corners", [False, True])
def test_bilinear_resizing_is_torchs(size, corners):
    expected = torch.nn.functional.interpolate(channels_first(X), size, mode="bilinear", align_corners=corners)
    found = layers.Resizing(*size, coordinates="align_corners" if corners else "half_pixel")(X)
    np.testing.assert_allclose(found, channels_last(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
def test_padding_is_torchs(mode):
    expected = torch.nn.functional.pad(channels_first(X), (1, 2, 3, 0), "replicate" if mode == "edge" else mode)
    np.testing.assert_array_equal(layers.Padding(((3, 0), (1, 2), (0, 0)), mode)(X), channels_last(expected))
