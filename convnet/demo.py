"""`convnet demo`: a whole study on data that the project makes itself, beside the best possible reader."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from convnet import layers
from convnet.callbacks import Recorder
from convnet.data.preparation import Preparation
from convnet.evaluation import metrics
from convnet.evaluation.metrics import lines
from convnet.explain import lesson
from convnet.explain.lessons.classroom import Classroom
from convnet.explain.lessons.gallery import Gallery
from convnet.explain.maps.history import plot_history
from convnet.layers import Input
from convnet.notice import NOTICE
from convnet.optimizers import Adam
from convnet.output.atomic import write_json
from convnet.output.drawing import save
from convnet.output.words import count
from convnet.sequential import Sequential
from convnet.study import plots
from convnet.study.complete import complete
from convnet.study.evaluate import evaluate
from convnet.study.metadata import ModelRecord, read_record
from convnet.study.outputs import predict_probabilities
from convnet.study.recipe import Recipe
from convnet.study.train import train

Say = Callable[[str], None]


def run(folder: Path, say: Say, seed: int = 0, verbose: Any = "auto", phantom_study: Any = None) -> None:
    """Simulate a CT study, write it as DICOM, train, evaluate, diagnose one image, write a lesson.

    folder         where everything goes; say: called with each line of text
    verbose        as in `Model.fit`
    phantom_study  the study, a `phantom.Study`; the default one if None
    """
    from convnet.data import cohort, phantom
    from convnet.diagnosis.diagnose import diagnose
    from convnet.diagnosis.diagnose import lines as diagnosis_lines

    start = time.perf_counter()
    phantom_study = phantom_study or phantom.Study(seed=seed)
    say("1. A simulated CT study: is there a faint lesion in the noise? Written as DICOM files with Hounsfield values.")
    phantom_study.write(folder / "dicom")
    data = cohort.load_folder(folder / "dicom", folder / "dicom" / "labels.csv", size=phantom_study.size)
    say(f"   {count(len(data.y), 'file')} in {folder / 'dicom'}; {data.describe_counts()}")
    say("2. Training the listing's network; the epoch with the best validation AUC is kept.")
    recorder = Recorder()
    recipe = Recipe("listing", epochs=40, patience=40, dropout=0.25, flip="off", shift=0.0)
    trained = train(data, recipe, seed=seed, verbose=verbose, callbacks=[recorder])
    complete(trained, data, Preparation(phantom_study.size))
    model, history = trained.model, trained.history
    model.save(folder / "model.safetensors")
    say("3. The test split, which training never saw.")
    result, p = evaluate(model, data, positive="present")
    x_test, y_test = data.split("test")
    result["ideal_observer_auc"] = phantom_study.ideal_auc()
    ideal = metrics.area(y_test == 1, phantom_study.ideal_scores(phantom_study.to_hu(x_test)))
    result["ideal_observer_auc_on_these_images"] = ideal
    for line in lines(result)[:-1]:
        say("   " + line)
    say(
        f"   ideal observer: AUC {result['ideal_observer_auc']:.4f} by theory, {ideal:.4f} on these images. "
        "No reader, human or machine, can do better."
    )
    draw(folder, model, history, result, y_test, p, x_test[y_test == 1][0])
    say("4. One diagnosis.")
    one = next(folder / "dicom" / path for path, s in zip(data.paths, data.splits, strict=True) if s == "test")
    case = diagnose(model, [one])
    for line in diagnosis_lines(case):
        say("   " + line)
    say("5. The same network taken apart on images with and without a lesion: open lesson.html in a browser.")
    shown = choose_images(y_test, p, each=2)
    first = next(n for n in shown if y_test[n] == 1)
    others = [n for n in shown if n != first]
    gallery = make_ct_gallery(phantom_study, x_test[others], y_test[others])
    made = lesson(model, x_test[first], int(y_test[first]), recorder=recorder, gallery=gallery)
    made.save(folder / "lesson.html")
    write_json(folder / "results.json", result)
    write_json(folder / "diagnosis.json", case)
    say(f"Everything is in {folder} ({time.perf_counter() - start:.0f} s). {NOTICE}")


def make_ct_gallery(study: Any, x: np.ndarray, y: np.ndarray) -> Gallery:
    """Return images of a simulated study as a lesson shows them: in words, the lesion's place circled."""
    middle = (study.size - 1) / 2
    return Gallery(
        x,
        y,
        question=(
            "Is there a faint lesion in the middle of this simulated CT image of a liver?",
            "这张模拟的肝脏 CT 图像中央有微弱的病灶吗？",
        ),
        words=(("no lesion", "无病灶"), ("lesion", "有病灶")),
        outline=(middle, middle, study.radius / study.spacing),
        outlined=(1,),
    )


def run_digits(folder: Path, say: Say, seed: int = 0, verbose: Any = "auto") -> None:
    """Train a small network, ten classes, on scikit-learn's 1,797 handwritten digits as they are, 8x8 pixels."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from convnet.evaluation.metrics import measure
    from convnet.utils import set_random_seed

    set_random_seed(seed)
    digits = load_digits()
    x = (digits.images / 16).astype(np.float32)[..., None]
    parts = train_test_split(x, digits.target, test_size=0.25, random_state=seed, stratify=digits.target)
    x_train, x_test, y_train, y_test = parts
    model = make_digits_network("float32")
    say(
        f"A network of {model.count_params():,} parameters on {len(x)} handwritten digits: {len(x_train)} to train, "
        f"{len(x_test)} to test."
    )
    fresh = model.get_weights()
    recorder = Recorder()
    history = model.fit(x_train, y_train, epochs=15, batch_size=32, verbose=verbose, callbacks=[recorder])
    p = predict_probabilities(model, x_test)
    classes = tuple(str(d) for d in range(10))
    model.metadata = ModelRecord(classes=classes).to_plain()
    result = measure(y_test, p, classes, None)
    for line in lines(result):
        say("   " + line)
    model.save(folder / "model.safetensors")
    draw(folder, model, history, result, y_test, p, x_test[0])
    starts = {"trained": model.get_weights(), "fresh": fresh}
    shown = choose_images(y_test, p)
    classroom = Classroom(make_digits_network, x_train, y_train, x_test, y_test, starts, shown)
    first = shown[-1]
    made = lesson(model, x_test[first], int(y_test[first]), recorder=recorder, classroom=classroom)
    made.save(folder / "lesson.html")
    write_json(folder / "results.json", result)
    say(f"Everything is in {folder}. To draw a digit and watch the network learn, open lesson.html in a browser.")


def make_digits_network(dtype: str) -> Sequential:
    """Return a new network for 8x8 digits, small enough to see whole: 6x6x8, 3x3x8, 16 and 10 numbers."""
    network = Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
        dtype=dtype,
    )
    network.compile(optimizer=Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def choose_images(y: np.ndarray, p: np.ndarray, wrong: int = 2, each: int = 1) -> tuple[int, ...]:
    """Return so many images of each class that the network names rightly, then those it names wrongly by the least."""
    right = p.argmax(axis=1) == y
    chosen = [int(n) for k in range(p.shape[1]) for n in np.flatnonzero(right & (y == k))[:each]]
    short = np.where(right, np.inf, p.max(axis=1) - p[np.arange(len(y)), y])
    return tuple(chosen + [int(n) for n in np.argsort(short)[: min(wrong, int((~right).sum()))]][::-1])


def draw(folder: Path, model: Any, history: Any, result: dict, y: np.ndarray, p: np.ndarray, image: np.ndarray) -> None:
    """Draw all five plots of a study.

    folder          where they go
    model, history  the trained network and the course of its training
    result, y, p    what was measured, and the labels and probabilities that it was measured on
    image           (H,W,C), for the feature maps
    """
    classes = tuple(result["classes"])
    positive = classes.index(result["positive"]) if "positive" in result else None
    runs = read_record(model).runs
    pictures = {
        "learning-curves": plot_history(history, runs[0].best_epoch if runs else None),
        "confusion": plots.confusion(result),
        "roc": plots.roc(y, p, classes, positive),
        "filters": plots.filters(model),
        "feature-maps": plots.feature_maps(model, image),
    }
    for name, figure in pictures.items():
        save(figure, folder / f"{name}.png")
