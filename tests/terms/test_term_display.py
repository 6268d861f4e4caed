"""How explanations, layers, models and histories print, and what cannot be explained."""

import io

import numpy as np
import pytest
from rich.console import Console

import convnet
from convnet import layers
from tests.explain.layer_cases import LAYERS, made
from tests.explain.small_models import cam_model


def test_a_long_sum_is_printed_short_and_kept_whole():
    model = cam_model()
    x = np.random.default_rng(0).standard_normal((1, 12, 12, 2))
    found = model.explain(x, 0, 3, layer=model.layers[2])
    assert len(found.terms) == 100
    text = str(found)
    assert "76 smaller ones" in text
    assert len(text.splitlines()) < 40
    assert f"{found.value:.6g}" in text.splitlines()[-3]


def test_an_explanation_prints_in_a_terminal_and_in_a_notebook():
    layer, x, _ = made("conv2d no bias, relu", "float32")
    found = layer.explain(x, 0, 1, 1, 2)
    assert repr(found) == str(found)
    largest = max(found.terms, key=lambda term: abs(term.value)).name
    assert largest in str(found)
    assert "the same but for rounding" in str(found)
    html = found._repr_html_()
    assert html.count("<table>") == len(found.parts) == 2
    assert largest in html
    console = Console(record=True, width=160, file=io.StringIO())
    console.print(found)
    assert largest in console.export_text()


def test_layers_and_models_show_themselves_in_a_notebook():
    layer, x, _ = made("conv2d", "float32")
    html = layer._repr_html_()
    assert "b[f] + sum_{p,q,c}" in html
    assert "(3, 2, 4, 3) float32" in html
    assert "not built yet" in layers.Conv2D(3, 3)._repr_html_()
    assert "Receptive field" in cam_model()._repr_html_()
    assert "not built yet" in convnet.Sequential([layers.Dense(3)])._repr_html_()
    assert all(make(**settings)._repr_html_() for make, settings in LAYERS.values())


def test_a_history_shows_its_epochs_and_always_the_last():
    from convnet.callbacks import History

    history = History()
    assert "<table>" in history._repr_html_()
    for epoch in range(45):
        history.on_epoch_end(epoch, {"loss": 1 / (epoch + 1)})
    html = history._repr_html_()
    assert html.count("<tr>") == 1 + 16  # the header, every third, and the last
    assert ">45<" in html
    assert ">0.0222<" in html
    history.history["val_loss"] = [0.5]  # with validation_freq its place tells no epoch
    assert "not in every epoch: val_loss" in history._repr_html_()
    assert ">0.5000<" not in history._repr_html_()


def test_what_cannot_be_explained_is_named():
    layer, x, dy = made("conv2d no bias, relu", "float32")
    with pytest.raises(
        ValueError, match=r"y has shape \(2, 5, 4, 3\); the index must be 4 numbers in it, got \(0, 5, 0, 0\)"
    ):
        layer.explain(x, 0, 5, 0, 0)
    with pytest.raises(ValueError, match="4 numbers"):
        layer.explain(x, 0, 1, 1)
    with pytest.raises(ValueError, match="there is no gradient of 'bias'; choose one of: 'x', 'z', 'y', 'kernel'"):
        layer.explain_backward(x, dy, 0, of="bias")
    with pytest.raises(ValueError, match="dy must have the output's shape"):
        layer.explain_backward(x, dy[:1], 0, 0, 0, 0)
    layer.trainable = False
    with pytest.raises(ValueError, match="frozen"):
        layer.explain_backward(x, dy, 0, 0, 0, 0, of="kernel")
    with pytest.raises(ValueError, match="explain it inside a model"):
        layers.Add().explain(x, 0)
    model = cam_model()
    with pytest.raises(RuntimeError, match="compile the model first"):
        model.explain_backward(np.zeros((1, 12, 12, 2)), [0], 0, 0)
    with pytest.raises(ValueError, match="there is no layer 'conv9'; there is conv2d"):
        model.explain(np.zeros((1, 12, 12, 2)), 0, layer="conv9")
    probabilities = convnet.Sequential([layers.Dense(2, activation="softmax"), layers.Activation("linear")])
    probabilities.build((None, 3))
    probabilities.compile("sgd", "sparse_categorical_crossentropy")
    found = probabilities.explain_backward(np.ones((1, 3)), [1], 0, 1, layer=probabilities.layers[0], of="z")
    assert found.holds
