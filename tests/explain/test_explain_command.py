"""`convnet explain` as a user meets it: pictures, arrays and DICOM files in, a page out, and errors in one line."""

import json

import numpy as np
import pytest

from convnet.cli import main
from convnet.explain.lessons.image import read
from tests.command import convnet
from tests.explain import models
from tests.explain.test_lesson_data import held


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    network = models.listing(2)
    network.metadata = {"classes": ["benign", "malignant"], "pipeline": {"size": 28, "aspect": "pad", "window": None}}
    network.save(path)
    return path


def test_a_picture_becomes_a_page(model, tmp_path):
    from PIL import Image

    Image.fromarray((255 * models.image((28, 28))).astype(np.uint8)).save(tmp_path / "scan.png")
    done = convnet("explain", model, tmp_path / "scan.png", "--label", "malignant", "--html", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "open it in a browser" in done.stdout
    assert "Not for clinical use" in done.stdout
    document, arrays = held(tmp_path / "page.html")
    assert (document["label"], document["classes"]) == (1, ["benign", "malignant"])
    pixels = np.asarray(Image.open(tmp_path / "scan.png"), np.float32) / 255
    assert np.allclose(arrays["x0"][..., 0], pixels, atol=1e-7)


def test_errors_are_one_line_that_says_what_to_do(model, tmp_path, monkeypatch, capsys):
    np.save(tmp_path / "small.npy", models.image((20, 20)))
    np.save(tmp_path / "good.npy", models.image((28, 28)))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    (tmp_path / "text.dcm").write_text("no DICOM")
    cases = {
        (tmp_path / "none.safetensors", tmp_path / "good.npy"): "no such model file",
        (model, tmp_path / "none.png"): "no such image",
        (model, tmp_path): "is a folder: give a file",
        (model, tmp_path / "small.npy"): "takes one image of shape (28, 28, 1)",
        (model, tmp_path / "broken.png"): "not a picture, or damaged",
        (model, tmp_path / "text.dcm"): "text.dcm",
        (model, tmp_path / "good.npy", "--label", "2"): "label 2 is not a class of this model: benign, malignant",
        (model, tmp_path / "good.npy", "--label", "benign,malignant"): "is not a class of this model",
        (model, tmp_path / "good.npy", "--pick", "test[0]"): "--pick goes with an .npz file",
        (model, tmp_path / "good.npy", "--record", tmp_path / "none"): "no such record of a training",
        (model, tmp_path / "good.npy", "--html", tmp_path / "no" / "page.html"): "there is no folder",
    }
    for arguments, message in cases.items():
        page = () if "--html" in arguments else ("--html", tmp_path / "out.html")
        monkeypatch.setattr("sys.argv", ["convnet", "explain", *map(str, (*arguments, *page))])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr().err
        assert ended.value.code == 2, arguments
        assert message in said
        assert said.count("\n") == 1
        assert not (tmp_path / "out.html").exists()


def test_images_are_read_as_the_model_was_trained_on_them(tmp_path):
    from convnet.data import cohort
    from convnet.data.phantom import Study

    network = models.listing(2)
    network.metadata = {"classes": ["0", "1"], "pipeline": {"size": 28, "aspect": "pad", "window": None}}
    rng = np.random.default_rng(0)
    parts = {f"{s}_images": rng.integers(0, 256, (3, 28, 28), np.uint8) for s in ("train", "val", "test")}
    labels = {f"{s}_labels": np.array([[0], [1], [0]]) for s in ("train", "val", "test")}
    np.savez(tmp_path / "set.npz", **parts, **labels)
    whole = cohort.load_npz(tmp_path / "set.npz", size=28)
    image, label = read(network, tmp_path / "set.npz", "val[1]")
    assert np.array_equal(image, whole.split("val")[0][1])
    assert label == "1"
    with pytest.raises(ValueError, match=r"test\[9\] does not exist: there are 3"):
        read(network, tmp_path / "set.npz", "test[9]")
    with pytest.raises(ValueError, match="expected one image as"):
        read(network, tmp_path / "set.npz", "nine")
    Study(train=2, val=2, test=2).write(tmp_path / "ct")
    folder = cohort.load_folder(tmp_path / "ct", tmp_path / "ct" / "labels.csv", size=28)
    image, label = read(network, tmp_path / "ct" / folder.paths[0])
    assert np.array_equal(image, folder.x[0])
    assert label is None


def test_train_keeps_the_record_that_explain_plays(tmp_path):
    from convnet.data.phantom import Study

    Study(train=48, val=16, test=16, contrast=60.0).write(tmp_path / "ct")
    arguments = ("--labels", tmp_path / "ct" / "labels.csv", "--epochs", 2, "--out", tmp_path / "m.safetensors")
    done = convnet("train", tmp_path / "ct", *arguments, "--record", tmp_path / "run.safetensors")
    assert done.returncode == 0, done.stderr
    assert "the filters of 2 epochs" in done.stdout
    image = next((tmp_path / "ct").rglob("*.dcm"))
    page = ("--record", tmp_path / "run.safetensors", "--html", tmp_path / "page.html")
    done = convnet("explain", tmp_path / "m.safetensors", image, *page)
    assert done.returncode == 0, done.stderr
    document, _ = held(tmp_path / "page.html")
    assert document["recording"]["epochs"] == [0, 1, 2]
    assert document["label_given"] is False


@pytest.mark.parametrize("members", [1, 2])
def test_explain_and_diagnose_show_the_same_calibrated_probability(members, tmp_path):
    from PIL import Image

    from convnet.study.ensemble import join
    from convnet.study.outputs import normalize

    x = models.image((28, 28, 1)).astype(np.float32)
    made = [models.listing(2) for _ in range(members)]
    network = made[0] if members == 1 else join(made)
    run = {"seed": 0, "epochs_run": 1, "best_epoch": 1, "chosen_by": "val_auc", "chosen_value": 0.9}
    network.metadata = {
        "classes": ["benign", "malignant"],
        "pipeline": {"size": 28, "aspect": "pad", "window": None},
        "temperature": 0.25,
        "training": {"runs": [run] * members},
    }
    path = tmp_path / "model.safetensors"
    network.save(path)
    Image.fromarray((255 * x[..., 0]).astype(np.uint8)).save(tmp_path / "scan.png")
    done = convnet("explain", path, tmp_path / "scan.png", "--html", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    said = convnet("diagnose", path, tmp_path / "scan.png", "--json", "-")
    (result,) = json.loads(said.stdout)["images"]
    document, arrays = held(tmp_path / "page.html")
    assert document["calibrated"] == pytest.approx(list(result["probabilities"].values()), abs=1e-6)
    own = normalize(arrays[f"x{len(document['values']) - 1}"][None])[0]
    powers = own**4  # at a temperature of 1/4
    assert document["calibrated"] == pytest.approx((powers / powers.sum()).tolist(), abs=1e-6)
    assert abs(own[0] - document["calibrated"][0]) > 1e-3  # the two can be told apart


def test_a_page_of_training_mode_or_without_a_temperature_shows_the_networks_own_output(model, tmp_path):
    np.save(tmp_path / "good.npy", models.image((28, 28)))
    done = convnet("explain", model, tmp_path / "good.npy", "--html", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert held(tmp_path / "page.html")[0]["calibrated"] is None
