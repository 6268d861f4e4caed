"""concatenate: every variant puts arrays together as NumPy does, and takes the gradient apart again."""

import numpy as np
import pytest

from kernels import concatenate, registry

ALL = pytest.mark.parametrize("variant", ["reference", *registry.variants("concatenate", "cpu")])


@ALL
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_arrays_are_put_together_and_the_gradient_is_cut_at_the_same_places(axis, variant):
    rng, lengths = np.random.default_rng(0), (2, 1, 5)
    shapes = [tuple(n if i == axis % 4 else m for i, m in enumerate((2, 3, 4, 5))) for n in lengths]
    arrays = [rng.standard_normal(s) for s in shapes]
    y = concatenate.forward(*arrays, axis=axis, variant=variant)
    np.testing.assert_array_equal(y, np.concatenate(arrays, axis))
    for part, x in zip(concatenate.backward(y, lengths, axis=axis, variant=variant), arrays, strict=True):
        np.testing.assert_array_equal(part, x)


@ALL
def test_minus_zero_and_nan_are_copied_as_they_are(variant):
    y = concatenate.forward(np.array([-0.0]), np.array([np.nan]), axis=0, variant=variant)
    assert np.signbit(y[0])
    assert np.isnan(y[1])


def test_large_arrays_that_several_threads_share_are_numpys():
    a, b = np.random.default_rng(1).standard_normal((2, 3, 100, 120, 7)).astype(np.float32)
    y = concatenate.forward(a, b)
    np.testing.assert_array_equal(y, np.concatenate([a, b], -1))
    np.testing.assert_array_equal(concatenate.backward(y, (7, 7))[1], b)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"array 2 of shape \(2, 4\) does not fit the first, \(3, 4\): only axis 1"):
        concatenate.forward(np.ones((3, 4)), np.ones((2, 4)))
    with pytest.raises(ValueError, match="axis must be an integer from -2 to 1, got 2"):
        concatenate.forward(np.ones((3, 4)), axis=2)
    with pytest.raises(ValueError, match=r"lengths=\(1, 2\) must add up"):
        concatenate.backward(np.ones((3, 4)), (1, 2))
