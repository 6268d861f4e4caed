"""Receptive fields: exactly the pixels whose change an output notices."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.terms.receptive import fields

STACKS = {
    "valid": [layers.Conv2D(1, 3), layers.MaxPooling2D(2), layers.Conv2D(1, (2, 3))],
    "same": [layers.Conv2D(1, 3, padding="same"), layers.AveragePooling2D(2), layers.Conv2D(1, 5, padding="same")],
    "strided": [layers.Conv2D(1, (3, 5), strides=(2, 3), padding="same"), layers.Conv2D(1, 3, strides=2)],
    "dilated": [layers.Conv2D(1, 2, dilation_rate=(3, 2)), layers.AveragePooling2D(3, 1, "same")],
}


@pytest.mark.parametrize("name", STACKS)
def test_an_output_changes_with_the_corners_of_its_field_and_with_nothing_outside(name):
    model = convnet.Sequential(STACKS[name], dtype="float64")
    shape = (1, 19, 23, 1)
    model.build((None, *shape[1:]))
    for parameter in model.parameters:
        parameter.value[...] = 1  # no change is lost
    x = np.arange(19 * 23, dtype=float).reshape(shape)
    before, field = model(x), fields(model.graph(shape[1:]))[-1]
    top, left = np.full(before.shape[1:3], 99), np.full(before.shape[1:3], 99)
    bottom, right = top - 198, left - 198
    for h, w in np.ndindex(19, 23):
        x[0, h, w] += 1000
        changed = (model(x) != before)[0, :, :, 0]
        x[0, h, w] -= 1000
        top, left = np.where(changed, np.minimum(top, h), top), np.where(changed, np.minimum(left, w), left)
        bottom, right = np.where(changed, np.maximum(bottom, h), bottom), np.where(changed, np.maximum(right, w), right)
    for i, j in np.ndindex(before.shape[1:3]):
        rows, columns = field.rows(i), field.columns(j)
        assert (top[i, j], bottom[i, j]) == (max(rows[0], 0), min(rows[1], 18))
        assert (left[i, j], right[i, j]) == (max(columns[0], 0), min(columns[1], 22))


def test_a_sum_of_branches_sees_what_either_sees_and_a_dense_layer_sees_all():
    x = layers.Input((12, 12, 1))
    a = layers.Conv2D(1, 3, padding="same")(x)
    b = layers.Conv2D(1, 3, dilation_rate=2, padding="same")(x)
    y = layers.Dense(2)(layers.Flatten()(a + b))
    found = fields(convnet.Model(inputs=x, outputs=y).graph((12, 12, 1)))
    assert found[2].size == (5, 5)
    assert found[2].start == (-2, -2)
    assert found[3:] == [None, None]
