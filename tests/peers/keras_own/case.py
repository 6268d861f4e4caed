"""The base class of Keras's tests, with its general checks of a layer and of a configuration made on ours."""

import unittest

import numpy as np
from keras.src import testing


class Case(testing.TestCase):
    def run_class_serialization_test(self, instance, custom_objects=None):
        """The configuration makes the object again."""
        config = instance.get_config()
        again = type(instance).from_config(config) if hasattr(type(instance), "from_config") else remake(instance)
        self.assertEqual(str(again.get_config()), str(config))
        return again

    def run_layer_test(self, layer_cls, init_kwargs, input_shape=None, input_data=None, call_kwargs=None, **expected):
        """Shape, number of parameters and values of one call, and the configuration."""
        if expected.get("input_sparse") or expected.get("input_ragged"):
            raise unittest.SkipTest("sparse or ragged tensors")
        layer = layer_cls(**init_kwargs)
        self.run_class_serialization_test(layer)
        if input_data is None:
            nested = isinstance(input_shape, list) or (input_shape and isinstance(input_shape[0], (list, tuple)))
            input_data = [draw(s) for s in input_shape] if nested else draw(input_shape)
        y = layer(input_data, **(call_kwargs or {}))
        for name, weights in (("trainable", layer.trainable_weights), ("non_trainable", layer.non_trainable_weights)):
            if expected.get(f"expected_num_{name}_weights") is not None:
                self.assertLen(weights, expected[f"expected_num_{name}_weights"])
        if expected.get("expected_output_shape") is not None:
            self.assertEqual(tuple(y.shape), tuple(expected["expected_output_shape"]))
        if expected.get("expected_output") is not None:
            self.assertAllClose(y, expected["expected_output"])
        if not isinstance(input_data, list):
            self.assertEqual(tuple(layer.compute_output_shape(tuple(input_data.shape))), tuple(y.shape))


def draw(shape):
    return np.random.default_rng(0).standard_normal([2 if n is None else n for n in shape]).astype("float32")


def remake(instance):
    config = dict(instance.get_config())
    name = config.pop("label", None) or config.pop("name", None)
    config.pop("name", None)
    return type(instance)(**config, name=name)
