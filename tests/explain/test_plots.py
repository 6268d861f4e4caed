"""The pictures hold the numbers that they claim to show, and say so on their axes."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.callbacks import History
from convnet.explain import (
    plot_attribution,
    plot_feature_maps,
    plot_filters,
    plot_gradients,
    plot_history,
    plot_receptive_field,
)
from tests.explain.small_models import cam_model


@pytest.fixture(scope="module")
def model():
    model = convnet.Sequential(
        [
            layers.Conv2D(3, (3, 2), activation="relu", name="first"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(2, 3, name="second"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax", name="last"),
        ],
        dtype="float64",
    )
    model.build((None, 12, 11, 1))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


X = np.random.default_rng(0).standard_normal((12, 11, 1))


def pictures(figure):
    return [np.asarray(image.get_array()) for ax in figure.axes for image in ax.images]


def words(figure):
    found = [t.get_text() for ax in figure.axes for t in (ax.title, ax.xaxis.label, ax.yaxis.label)]
    return [figure.get_suptitle(), *filter(None, found)]


def test_filters_are_the_kernels_numbers_on_one_scale_about_zero(model):
    kernel = model.layers[0].kernel.value
    figure = plot_filters(model.layers[0])
    for f, picture in enumerate(pictures(figure)):
        np.testing.assert_array_equal(picture, kernel[:, :, 0, f])
    limits = {image.get_clim() for ax in figure.axes for image in ax.images}
    assert limits == {(-np.abs(kernel).max(), np.abs(kernel).max())}
    assert "f=2" in words(figure)
    kernel = model.layers[2].kernel.value
    shown = pictures(plot_filters(model.layers[2], channels=2))
    np.testing.assert_array_equal(shown, [kernel[:, :, c, f] for c in range(2) for f in range(2)])
    assert "2 of 2 filters, 2 of 3 channels" in words(plot_filters(model.layers[2], channels=2))[0]
    with pytest.raises(ValueError, match="pool has no kernel"):
        plot_filters(model.layers[1])


def test_feature_maps_are_the_layers_outputs(model):
    y = model.layers[0](X[None])[0]
    shown = pictures(plot_feature_maps(model, X))
    np.testing.assert_array_equal(shown[1:4], np.moveaxis(y, -1, 0))
    second = pictures(plot_feature_maps(model, X, "second"))
    np.testing.assert_array_equal(second[1:3], np.moveaxis(model.layers[2](model.layers[1](y[None]))[0], -1, 0))
    with pytest.raises(ValueError, match="no layer 'last' has maps; those that have: first, pool, second"):
        plot_feature_maps(model, X, "last")


def test_the_gradients_picture_is_the_gradient_at_the_image(model):
    figure = plot_gradients(model, X, 1)
    shown, h = pictures(figure)[1], 1e-6
    assert shown.shape == (12, 11)
    for place in [(0, 0), (5, 6), (11, 10)]:
        ends = []
        for step in (h, -h):
            moved = X.copy()
            moved[place] += step
            ends.append(model.evaluate(moved[None], [1], verbose=0))
        assert shown[place] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-7)
    bars = {t.get_text() for t in figure.axes[2].get_yticklabels()}
    assert bars == {"first/kernel", "second/kernel", "last/kernel"}
    widths = [bar.get_width() for bar in figure.axes[2].patches]
    assert widths[0] == pytest.approx(np.sqrt(np.mean(model.layers[0].kernel.value ** 2)))


def test_the_receptive_fields_frame_is_where_the_summary_says(model):
    figure = plot_receptive_field(model, X, 1, 2, "pool")
    (frame,) = figure.axes[0].patches
    assert (frame.get_y(), frame.get_x()) == (1.5, 3.5)  # rows 2..5, columns 4..6
    assert (frame.get_height(), frame.get_width()) == (4, 3)
    assert "sees rows 2..5, columns 4..6" in words(figure)
    with pytest.raises(ValueError, match=r"pool has 5x5 outputs, got \(5, 0\)"):
        plot_receptive_field(model, X, 5, 0, "pool")


def test_the_history_has_its_figures_and_its_chosen_epoch():
    history = History()
    for epoch in range(3):
        history.on_epoch_end(epoch, {"loss": 3.0 - epoch, "val_loss": 4.0 - epoch})
    figure = plot_history(history, 2)
    training, validation, chosen = figure.axes[0].lines
    np.testing.assert_array_equal(training.get_xydata(), [[1, 3], [2, 2], [3, 1]])
    np.testing.assert_array_equal(validation.get_ydata(), [4, 3, 2])
    assert chosen.get_xdata()[0] == 2
    assert figure.axes[0].get_ylabel() == "loss"


def test_a_map_lies_over_its_image_with_a_scale_that_fits_its_sign():
    heat = np.arange(132.0).reshape(12, 11)
    figure = plot_attribution(X, heat)
    np.testing.assert_array_equal(pictures(figure)[1], heat)
    assert figure.axes[1].images[0].get_clim() == (0, 131)
    signed = plot_attribution(X, heat - 100)
    assert signed.axes[1].images[0].get_clim() == (-100, 100)
    with pytest.raises(ValueError, match=r"the map \(3, 3\) must have the image's rows and columns"):
        plot_attribution(X, np.zeros((3, 3)))


def test_figures_show_themselves_in_a_notebook_without_pyplot():
    png = plot_filters(cam_model().layers[0])._repr_png_()
    assert png.startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_named(model):
    with pytest.raises(ValueError, match="plot_filters: None has no kernel"):
        plot_filters(None)
    with pytest.raises(ValueError, match="plot_filters: channels must be an integer >= 1, got 0"):
        plot_filters(model.layers[0], channels=0)
    for maps in (0, -3, 2.5):
        with pytest.raises(ValueError, match=f"plot_feature_maps: maps must be an integer >= 1, got {maps}"):
            plot_feature_maps(model, X, maps=maps)
    for history in (None, {"loss": [1]}, History()):
        with pytest.raises(ValueError, match=f"expects what fit returned.*got {type(history).__name__}"):
            plot_history(history)
