"""A quantized model answers as the one it was made from, to within its levels; its file is a quarter as large."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.engine.plan import Plan
from convnet.layers.quantized import (
    Dequantize,
    Quantize,
    QuantizedAdd,
    QuantizedConv2D,
    QuantizedDense,
    QuantizedReLU,
)
from convnet.model_file import ModelFileError
from convnet.quantization import quantize

CONTRASTS = np.linspace(0.1, 2, 40)[:, None, None, None]
X = (np.random.default_rng(0).normal(0.5, 0.3, (40, 10, 9, 2)) * CONTRASTS).astype(np.float32)


def small() -> convnet.Sequential:
    convnet.set_random_seed(1)
    return convnet.Sequential(
        [
            layers.Input((10, 9, 2)),
            layers.Conv2D(6, 3, padding="same", activation="relu", name="first"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(12, activation="relu", name="hidden"),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )


def residual() -> convnet.Model:
    """Batch normalization, groups, a residual sum, relu behind it, average pooling, relu6, global pooling."""
    convnet.set_random_seed(2)
    start = layers.Input((10, 9, 2))
    x = layers.Rescaling(2.0, -0.5)(start)
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    a = layers.Activation("relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(a)
    x = layers.Conv2D(8, 1, groups=2)(x)
    x = layers.ReLU()(layers.Add()([x, a]))
    x = layers.AveragePooling2D(2, padding="same")(x)
    x = layers.MaxPooling2D(3, 1, padding="same")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = convnet.Model(start, layers.Dense(4, activation="sigmoid")(x))
    rng = np.random.default_rng(3)
    norm = next(layer for layer in model.layers if isinstance(layer, layers.BatchNormalization))
    norm.set_weights([rng.uniform(0.5, 2, 8), rng.normal(size=8), rng.normal(size=8), rng.uniform(0.2, 3, 8)])
    return model


def kinds(model) -> list[str]:
    return [type(call.layer).__name__ for call in model.training_graph().calls]


@pytest.mark.parametrize("make", [small, residual])
def test_it_answers_as_the_model_in_float32_does(make):
    model = make()
    made = quantize(model, X)
    given, expected = made.predict(X), model.predict(X)
    assert given.dtype == np.float32
    assert np.abs(given - expected).max() < 0.01
    one, other = (y - y.mean(axis=0) for y in (given, expected))  # what tells one image from another
    assert (one * other).sum() > 0.99 * np.sqrt((one**2).sum() * (other**2).sum())
    assert np.abs(given - expected).max() > 0


def test_what_follows_a_convolution_is_computed_in_it():
    assert kinds(quantize(residual(), X)) == [
        *("Rescaling", "Quantize", "QuantizedConv2D", "QuantizedConv2D", "QuantizedConv2D", "QuantizedAdd"),
        *("QuantizedAveragePooling2D", "QuantizedMaxPooling2D", "QuantizedGlobalAveragePooling2D", "QuantizedDense"),
        "Activation",
    ]


def test_every_layer_s_levels_stand_for_the_numbers_of_the_model_in_float32():
    """One convolution is within half a step of its result's scale, and what half steps of x and k add up to."""
    convnet.set_random_seed(4)
    model = convnet.Sequential([layers.Input((10, 9, 2)), layers.Conv2D(5, 3), layers.MaxPooling2D(1)])
    made = quantize(model, X)
    graph = made.training_graph()
    plan = Plan(graph, len(X), rewritten=False)
    plan.run(X)
    first, conv, _, last = (call.layer for call in graph.calls)
    assert (type(first), type(conv), type(last)) == (Quantize, QuantizedConv2D, Dequantize)
    number = (plan.of(graph.calls[1].output).astype(float) - last.zero) * last.scale
    kernel = model.get_weights()[0]
    steps = conv.multiplier.value * last.scale / first.scale  # of each filter's kernel
    error_x = first.scale / 2 * np.abs(kernel).sum(axis=(0, 1, 2))
    error_k = steps / 2 * 18 * (np.abs(X).max() + first.scale)
    bound = last.scale / 2 + error_x + error_k + steps * first.scale
    assert (np.abs(number - model.predict(X)) <= bound).all()


def test_weights_reach_the_last_level_in_every_filter_and_zero_is_a_level_of_its_own():
    made = quantize(small(), X)
    conv = next(layer for layer in made.layers if isinstance(layer, QuantizedConv2D))
    assert (np.abs(conv.kernel.value).max(axis=(0, 1, 2)) == 127).all()
    zero, low, high = conv.levels
    assert (zero, low, high) == (-128, -128, 127)  # behind a relu nothing is below 0
    start = made.training_graph().calls[0].layer
    assert start.zero not in (-128, 127)  # the images have numbers on both sides of 0


def test_a_file_gives_the_same_bits_and_is_a_quarter_as_large(tmp_path):
    model = convnet.Sequential([layers.Input((10, 9, 2)), layers.Flatten(), layers.Dense(300), layers.Dense(3)])
    made = quantize(model, X)
    made.save(tmp_path / "a.safetensors")
    again = convnet.load(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(again.predict(X), made.predict(X))
    assert again.metadata["quantization"] == {"bits": 8, "images": 40, "kept": []}
    model.save(tmp_path / "b.safetensors")
    large, little = ((tmp_path / f"{n}.safetensors").stat().st_size for n in "ba")
    assert little < 0.30 * large
    content = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "c.safetensors").write_bytes(content.replace(b"QuantizedDense", b"QuantizedTense"))
    with pytest.raises(ModelFileError, match="damaged model file: 'QuantizedTense'"):
        convnet.load(tmp_path / "c.safetensors")


def test_a_compiled_plan_has_the_bits_of_predict_for_numbers_it_has_not_seen():
    for made in (quantize(small(), X), quantize(residual(), X)):
        run = made.compile_inference(8)
        for x in (X[:8], X[8:16]):
            np.testing.assert_array_equal(run(x), made.predict(x))


def test_summary_counts_a_byte_a_level_and_the_bytes_of_the_parameters():
    from convnet.terms.summary import Summary

    found = Summary(quantize(small(), X))
    conv = next(row for row in found.rows if row.kind == "QuantizedConv2D")
    assert conv.bytes == 10 * 9 * 6
    assert conv.multiply_adds == 10 * 9 * 6 * 3 * 3 * 2
    weights = 3 * 3 * 2 * 6 + 5 * 4 * 6 * 12 + 12 * 3
    assert found.parameter_bytes == weights + 8 * (6 + 12 + 3)
    assert found.trainable == 0


def test_evaluate_measures_it_as_the_model_was_compiled():
    model = small()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    y = np.arange(40) % 3
    expected = model.evaluate(X, y, verbose=0)
    given = quantize(model, X).evaluate(X, y, verbose=0)
    np.testing.assert_allclose(given[0], expected[0], rtol=0.02)


def test_a_layer_that_is_kept_stays_in_float32_with_its_weights():
    model = small()
    made = quantize(model, X, keep=["hidden"])
    assert kinds(made) == [
        *("Quantize", "QuantizedConv2D", "QuantizedMaxPooling2D", "Reshape", "Dequantize", "Dense", "Quantize"),
        *("QuantizedDense", "Activation"),
    ]
    np.testing.assert_array_equal(made.get_layer("hidden").get_weights()[0], model.get_layer("hidden").get_weights()[0])


def middle(layer) -> convnet.Sequential:
    return convnet.Sequential([layers.Input((10, 9, 2)), layers.Conv2D(4, 3), layer, layers.Conv2D(4, 3)])


def test_a_layer_that_8_bits_cannot_hold_is_named_and_may_be_kept():
    model = middle(layers.Activation("tanh", name="bend"))
    with pytest.raises(ValueError, match=r"cannot be computed in 8 bits: bend \(unary\).*keep=\['bend'\]"):
        quantize(model, X)
    made = quantize(model, X, keep=["bend"])
    assert kinds(made) == ["Quantize", "QuantizedConv2D", "Activation", "Quantize", "QuantizedConv2D"]
    assert np.abs(made.predict(X) - model.predict(X)).max() < 0.05


def test_a_relu_by_itself_works_on_levels():
    model = convnet.Sequential([layers.Input((10, 9, 2)), layers.Conv2D(4, 3), layers.MaxPooling2D(), layers.ReLU(),
                                layers.Conv2D(4, 3)])  # fmt: skip
    made = quantize(model, X)
    assert any(isinstance(layer, QuantizedReLU) for layer in made.layers)
    assert np.abs(made.predict(X) - model.predict(X)).max() < 0.05


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (None, "give calibration images"),
        (X[:0], "there are no calibration images"),
        (np.where(X > 1, np.nan, X), r"pixels of the calibration images are NaN or infinite"),
        (np.full_like(X, 0.25), "every pixel of the 40 calibration images is 0.25"),
    ],
)
def test_calibration_images_that_say_nothing_are_refused(x, words):
    with pytest.raises(ValueError, match=words):
        quantize(small(), x)


def test_a_model_that_cannot_be_quantized_is_refused_with_the_reason():
    model = small()
    with pytest.raises(ValueError, match=r"has no layer 'convolution'; it has .*first, "):
        quantize(model, X, keep=["convolution"])
    pooled = convnet.Sequential([layers.Input((10, 9, 2)), layers.MaxPooling2D()])
    with pytest.raises(ValueError, match="no convolution and no dense layer"):
        quantize(pooled, X)
    dead = middle(layers.ReLU())
    kernel, bias, *rest = dead.get_weights()
    dead.set_weights([kernel * 0, bias - 1, *rest])
    with pytest.raises(ValueError, match="gives nothing but 0 for the 40 calibration images"):
        quantize(dead, X)
    double = convnet.Sequential([layers.Input((10, 9, 2)), layers.Conv2D(4, 3)], dtype="float64")
    with pytest.raises(ValueError, match="for models in float32"):
        quantize(double, X)


def test_levels_have_no_gradient_and_layers_of_numbers_do_not_take_them():
    made = quantize(small(), X)
    from convnet.explain.maps.attribution import grad_cam

    with pytest.raises(ValueError, match="has no gradient: use the model that was quantized"):
        grad_cam(made, X[0], 0)
    mixed = convnet.Sequential([layers.Input((10, 9, 2)), Quantize(0.1), layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match=r"conv2d\w* \(conv2d\) takes numbers, but .* 8-bit levels: put a Dequantize"):
        mixed.predict(X)
    mixed = convnet.Sequential([layers.Input((5,)), QuantizedDense(2)])
    with pytest.raises(ValueError, match=r"\(dense_int8\) takes 8-bit levels, but .* numbers: put a Quantize"):
        mixed.predict(X[0, 0, :5, 0][None])


def test_a_nan_pixel_is_an_error_since_no_level_stands_for_it():
    made = quantize(small(), X)
    x = X.copy()
    x[3, 4, 5, 1] = np.nan
    with pytest.raises(ValueError, match="quantize: x has a NaN"):
        made.predict(x)


def test_a_layer_that_is_called_twice_becomes_two_with_scales_of_their_own():
    start = layers.Input((8, 8, 4))
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    model = convnet.Model(start, layers.Add()([shared(shared(start)), start]))
    x = np.random.default_rng(0).normal(size=(16, 8, 8, 4)).astype(np.float32)
    made = quantize(model, x)
    assert [layer.name for layer in made.layers if isinstance(layer, QuantizedConv2D)] == ["shared", "shared_2"]
    assert any(isinstance(layer, QuantizedAdd) for layer in made.layers)
    expected = model.predict(x)
    assert np.abs(made.predict(x) - expected).max() < 0.03 * np.abs(expected).max()
