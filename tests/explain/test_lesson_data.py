"""What a lesson's page holds, read from its file without a browser."""

import json
import re

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.callbacks import Recorder
from convnet.engine import fixing
from convnet.engine.bindings import BINDINGS
from convnet.engine.lowering import OF_LEVELS
from convnet.engine.plan import Plan
from convnet.explain import lesson
from convnet.explain.lessons.arrays import OPTIMIZERS
from convnet.explain.lessons.bundle import bundle
from convnet.explain.lessons.lesson import PAGE
from convnet.explain.lessons.pack import pack, unpack
from convnet.explain.lessons.source_places import list_passes
from convnet.explain.lessons.sources import code_of
from convnet.explain.lessons.subject import Subject
from convnet.explain.lessons.trace import UNSHOWN
from convnet.quantization import quantize
from convnet.study.networks import NETWORKS
from tests.explain import models

# some only a plan's rewriting makes, and a model on 8-bit levels has no lesson
REWRITTEN = {"convpool", fixing.OPERATION, fixing.BY_WINOGRAD, fixing.DEPTHWISE}
OF_LAYERS = set(BINDINGS) - REWRITTEN - {"quantize", *OF_LEVELS, *UNSHOWN}


def held(path):
    """The page's document, and its arrays by name."""
    text = path.read_text(encoding="utf-8")
    data = re.search(r'<script type="application/json" id="lesson">(.*?)</script>', text, re.DOTALL)[1]
    document = json.loads(data)
    return document, {name: unpack(entry) for name, entry in document["tensors"].items()}


def saved(tmp_path, model, x, label=1, **options):
    path = tmp_path / "lesson.html"
    lesson(model, x, label, **options).save(path)
    return held(path)


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_the_page_holds_the_models_weights_and_the_plans_numbers(training, tmp_path):
    """A plan without rewrites, as training runs it, gives every layer's output and gradient: the same to the bit."""
    model = models.everything()
    x = models.image((11, 12, 2))
    document, arrays = saved(tmp_path, model, x, training=training)
    for i, entry in enumerate(document["parameters"]):
        value = next(p.value for p in model.parameters if p.name == entry["name"])
        assert np.array_equal(arrays[f"p{i}"], value)
        assert entry["shape"] == list(value.shape)
    loss = convnet.losses.get("mse")
    graph = model.graph(x.shape, training)
    plan = Plan(graph, 1, training=training, loss=loss, input_gradient=True, rewritten=False)
    calls = {layer: layer.calls for layer in graph.layers if hasattr(layer, "calls")}
    plan.x[...] = x[None]
    plan.target_array[...] = np.eye(4)[[1]]
    plan.forward()
    assert np.array_equal(arrays[f"x{len(document['values']) - 1}"], plan.y[0])
    if not training:
        for layer, count in calls.items():
            assert layer.calls == count
    for call in graph.calls:
        outputs = [s["output"] for s in document["steps"] if s["layer"] == call.layer.name]
        if outputs and call.layer.name != "add":
            assert np.array_equal(arrays[f"x{outputs[-1]}"], plan.of(call.output)[0])
    plan.backward()
    assert float(plan.loss) == document["losses"]["mse"]["value"]
    assert np.array_equal(arrays["mse dx0"], plan.dx[0])
    for t, step in enumerate(document["steps"]):
        for n, i in enumerate(step["parameters"]):
            if f"mse dp{t}.{n}" in arrays:
                name = document["parameters"][i]["name"]
                gradient = next(g for p, g in plan.gradients.items() if p.name == name)
                assert np.array_equal(arrays[f"mse dp{t}.{n}"], gradient)


def test_a_lesson_leaves_the_model_as_it_was():
    """No statistics moved, no dropout call counted, no weight stepped."""
    model = models.everything()
    before = model.get_weights()
    calls = [layer.calls for layer in model.layers if isinstance(layer, convnet.layers.Dropout)]
    lesson(model, models.image((11, 12, 2)), 0, training=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert calls == [layer.calls for layer in model.layers if isinstance(layer, convnet.layers.Dropout)]


def test_a_weight_that_is_used_twice_has_the_gradient_of_both_uses():
    start = convnet.Input((6, 6, 2))
    conv = convnet.layers.Conv2D(2, 3, padding="same")
    out = convnet.layers.Dense(2, activation="softmax")(convnet.layers.Flatten()(conv(conv(start))))
    model = models.settled(convnet.Model(start, out))
    x = models.image((6, 6, 2))
    s = Subject(model, x[None], 0, None, False, None, None)
    plan = Plan(model.graph(x.shape), 1, loss=convnet.losses.get("mse"))
    plan.x[...], plan.target_array[...] = x, [[1, 0]]
    plan.forward()
    plan.backward()
    for p, gradient in s.backward["mse"].of_weights(s.trace.steps).items():
        assert np.array_equal(gradient, plan.gradients[p]), p.name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_step_on_the_page_is_the_one_that_fit_takes(name, tmp_path):
    model, x = models.formula(), models.image((12, 12, 1))
    document, arrays = saved(tmp_path, model, x, 1)
    rate = OPTIMIZERS[name]["lr"]
    made = {"sgd": convnet.optimizers.SGD, "adam": convnet.optimizers.Adam}[name](rate)
    model.compile(made, "mse")
    model.fit(x[None], np.eye(2)[[1]], epochs=1, verbose=0)
    for i, entry in enumerate(document["parameters"]):
        after = next(p.value for p in model.parameters if p.name == entry["name"])
        assert np.array_equal(arrays[f"mse {name} p{i}"], after)
    after = model.evaluate(x[None], np.eye(2)[[1]], verbose=0)
    assert document["optimizers"][name]["loss_after"]["mse"] == after


def test_a_page_of_the_listing_on_28_by_28_pixels_is_below_8_mb_with_its_epochs(tmp_path):
    model = models.listing(10)
    model.compile("adam", "sparse_categorical_crossentropy")
    recorder = Recorder()
    x, y = models.image((4, 28, 28, 1)), np.arange(4)
    model.fit(x, y, epochs=100, batch_size=4, verbose=0, callbacks=[recorder])
    made = lesson(model, x[0], 3, recorder=recorder)
    assert len(made.html.encode()) < 8_000_000
    kept = made.document["recording"]["epochs"]
    assert (kept[0], kept[-1], len(made.document["recording"]["all_epochs"])) == (0, 100, 101)
    assert made.notes == (f"{101 - len(kept)} of 101 epochs left out",)
    assert len(kept) > 30
    assert made.document["cut"] is None


def test_the_record_holds_every_epochs_convolutions(tmp_path):
    model = models.listing(2)
    model.compile("adam", "sparse_categorical_crossentropy")
    recorder, seen = Recorder(), [[w.copy() for w in model.get_weights()[:4]]]

    class Watch(convnet.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            seen.append([w.copy() for w in self.model.get_weights()[:4]])

    model.fit(models.image((4, 28, 28, 1)), np.arange(4) % 2, epochs=2, verbose=0, callbacks=[recorder, Watch()])
    recorder.save(tmp_path / "run.safetensors")
    again = Recorder.load(tmp_path / "run.safetensors")
    assert again.epochs == [0, 1, 2]
    assert again.logs == recorder.logs
    assert list(again.logs[1]) == ["loss"]
    for epoch, arrays in enumerate(seen):
        for name, expected in zip(recorder.weights, arrays, strict=True):
            assert np.array_equal(again.weights[name][epoch], expected)
    made = lesson(model, models.image((28, 28, 1)), 0, recorder=again)
    frame = made.document["recording"]["frames"][1]
    assert np.array_equal(unpack(frame["0"]), seen[1][0])


def test_a_record_of_a_training_that_diverged_is_valid_json_and_comes_back(tmp_path):
    recorder = Recorder()
    recorder.epochs, recorder.logs = [1, 2], [{"loss": 0.5}, {"loss": float("nan")}]
    recorder.weights = {"kernel": [np.zeros(3), np.full(3, np.nan)]}
    recorder.save(tmp_path / "r.safetensors")
    header = (tmp_path / "r.safetensors").read_bytes()
    assert rb"\"loss\": null" in header
    assert b"NaN" not in header
    again = Recorder.load(tmp_path / "r.safetensors")
    assert again.logs[0] == {"loss": 0.5}
    assert np.isnan(again.logs[1]["loss"])
    assert np.array_equal(again.weights["kernel"], recorder.weights["kernel"], equal_nan=True)


def test_a_record_of_another_network_is_refused():
    model, other = models.listing(2), models.formula()
    other.compile("adam", "mse")
    recorder = Recorder()
    other.fit(models.image((2, 12, 12, 1)), np.eye(2), epochs=1, verbose=0, callbacks=[recorder])
    with pytest.raises(ValueError, match="the record is of another network"):
        lesson(model, models.image((28, 28, 1)), 0, recorder=recorder)


@pytest.mark.parametrize("content", [b"", b"not a record", None])
def test_a_file_that_is_no_record_is_refused(content, tmp_path):
    path = tmp_path / "run.safetensors"
    if content is None:
        models.formula().save(path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="not a record of a training"):
        Recorder.load(path)


def test_of_a_large_image_the_middle_is_kept_and_the_page_says_so(tmp_path):
    model = NETWORKS["gap"](2)
    model.build((None, 128, 128, 1))
    x = models.image((128, 128, 1))
    made = lesson(model, x, 0)
    assert len(made.html.encode()) < 8_000_000
    assert made.notes[0].startswith("of maps larger than")
    side = made.document["cut"]
    subject = Subject(model, x[None], 0, None, False, None, None)
    whole = subject.trace.arrays[subject.values[1]][0]
    kept = unpack(made.document["tensors"]["x1"])
    known = ~np.isnan(kept)
    assert known.sum() == side * side * 16
    assert np.array_equal(kept[known], whole[known])
    assert np.array_equal(unpack(made.document["tensors"]["x0"]), x)  # the image itself is whole


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (3, 4), (5, 6, 2), (3, 3, 4, 5)])
def test_packing_loses_nothing(shape, dtype):
    array = models.image(shape, dtype=dtype) - dtype(0.5)
    array.flat[0] = -0.0
    back = unpack(pack(array))
    assert back.dtype == array.dtype
    assert back.tobytes() == array.tobytes()


def test_every_operation_of_every_layer_has_its_formula_and_its_lines():
    assert OF_LAYERS - {"reshape"} <= set(list_passes())
    for operation, passes in list_passes().items():
        for name in passes:
            code = code_of(operation, name)
            assert code["formula"].startswith("<math")
            for source in (code["reference"], code["fast"]):
                line = source["text"].split("\n")[source["numbers"].index(source["line"])]
                assert line.strip(), source


def test_a_model_of_8_bits_is_refused_with_the_reason():
    model = convnet.Sequential([layers.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    x = np.random.default_rng(0).random((8, 4, 4, 1), np.float32)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, np.arange(8) % 3, verbose=0)
    with pytest.raises(ValueError, match="8-bit levels, which has no gradient: use the model that was quantized"):
        lesson(quantize(model, x), x[0], 0)


def test_the_page_knows_every_operation():
    """The page's table of operations is the engine's."""
    text = (PAGE / "operations.js").read_text(encoding="utf-8")
    listed = re.search(r"export const operations = \{(.*?)\};", text, re.DOTALL)[1]
    assert not OF_LAYERS - set(re.findall(r"\w+", listed))


def test_the_script_is_one_piece_and_other_forms_of_import_are_refused(tmp_path):
    script = bundle(PAGE)
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", script)
    (tmp_path / "main.js").write_text('import * as all from "./other.js";\n')
    with pytest.raises(ValueError, match="not a form of import"):
        bundle(tmp_path)
    (tmp_path / "main.js").write_text('import { a } from "./other.js";\n')
    (tmp_path / "other.js").write_text('import { b } from "./main.js";\n')
    with pytest.raises(ValueError, match="needs itself"):
        bundle(tmp_path)


def test_a_lesson_says_what_does_not_fit():
    model, x = models.listing(3), models.image((28, 28, 1))
    with pytest.raises(ValueError, match=r"takes one image of shape \(28, 28, 1\).*got \(27, 28, 1\)"):
        lesson(model, x[:27], 0)
    with pytest.raises(ValueError, match="takes one image"):
        lesson(model, np.stack([x, x]), 0)
    with pytest.raises(ValueError, match="NaN"):
        lesson(model, x * np.nan, 0)
    with pytest.raises(ValueError, match="label 3 is not a class of this model: 0, 1, 2"):
        lesson(model, x, 3)
    with pytest.raises(ValueError, match="label must be one class"):
        lesson(model, x, [0, 1])
    with pytest.raises(ValueError, match="2 class names for a model with 3 classes"):
        lesson(model, x, 0, classes=["a", "b"])
    convolution = convnet.Sequential([convnet.layers.Conv2D(2, 3)])
    convolution.build((None, 8, 8, 1))
    with pytest.raises(ValueError, match=r"gives an output of shape \(6, 6, 2\): expected one number a class"):
        lesson(convolution, models.image((8, 8, 1)), 0)
    big = NETWORKS["listing"](2)
    big.build((None, 128, 128, 1))
    with pytest.raises(ValueError, match=r"7,\d+,\d+ weights, and a page holds all of them: at most 4,000,000"):
        lesson(big, models.image((128, 128, 1)), 0)


def test_without_a_label_the_networks_own_answer_stands_in():
    made = lesson(models.listing(3), models.image((28, 28)), classes=("a", "b", "c"))
    assert made.document["label_given"] is False
    assert lesson(models.listing(3), models.image((28, 28)), np.array([2])).document["label"] == 2
    assert made.document["label"] == made.document["answer"]
    assert lesson(models.listing(3), models.image((28, 28)), "b", classes=("a", "b", "c")).document["label"] == 1


@pytest.mark.parametrize("recorder", [3, Recorder()], ids=["a number", "never filled"])
def test_a_recorder_that_recorded_nothing_is_refused(recorder):
    with pytest.raises(ValueError, match="recorder must be a Recorder that a fit has filled, got"):
        lesson(models.formula(), models.image((12, 12, 1)), 1, recorder=recorder)
