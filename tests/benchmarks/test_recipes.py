"""`python -m benchmarks recipe`: equal folds and seeds for every candidate, resumable, never two recipes in a row."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import recipe_command as command


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    parts = {}
    for name, n in (("train", 40), ("val", 12), ("test", 4)):
        labels = np.arange(n) % 2
        parts[f"{name}_images"] = (rng.integers(0, 150, (n, 12, 12)) + 60 * labels[:, None, None]).astype(np.uint8)
        parts[f"{name}_labels"] = labels[:, None].astype(np.uint8)
    np.savez(tmp_path / "data.npz", **parts)
    (tmp_path / "c.toml").write_text('[a]\nepochs = 2\n[b]\nbase = "a"\nnetwork = "gap"\n', encoding="utf-8")
    return tmp_path


def test_a_second_start_measures_what_is_missing_and_gives_the_same_rows(data):
    def run(only=(), seeds=1):
        return command.run(str(data / "data.npz"), data / "c.toml", 2, seeds, list(only), data / "rows.json")

    first, _ = run(only=["a"])
    both, (table,) = run()
    assert both["rows"][:2] == first["rows"]
    assert [(r["candidate"], r["seed"], r["fold"]) for r in both["rows"]] == [
        ("a", 0, 0),
        ("a", 0, 1),
        ("b", 0, 0),
        ("b", 0, 1),
    ]
    assert json.loads((data / "rows.json").read_text())["rows"] == both["rows"]
    assert both["candidates"]["b"] == {"epochs": 2, "network": "gap"}
    again, _ = run()
    assert again["rows"] == both["rows"]
    assert table.rows[0][3] == "-"
    assert " +- " in table.rows[1][3]


def test_changed_settings_or_other_data_are_refused(data):
    command.run(str(data / "data.npz"), data / "c.toml", 2, 1, ["a"], data / "rows.json")
    (data / "c.toml").write_text("[a]\nepochs = 3\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"'a' was measured with .*'epochs': 2.*, now it is .*'epochs': 3"):
        command.run(str(data / "data.npz"), data / "c.toml", 2, 1, [], data / "rows.json")
    with pytest.raises(ValueError, match="its folds is 2, asked for is 3"):
        command.run(str(data / "data.npz"), data / "c.toml", 3, 1, [], data / "rows.json")


def test_a_gain_is_a_mean_of_differences_with_its_standard_error():
    first = {(0, n): {"auc": v} for n, v in enumerate((0.5, 0.7, 0.6))}
    cells = {(0, n): {"auc": v} for n, v in enumerate((0.6, 0.7, 0.8))}
    # differences 0.1, 0, 0.2: mean 0.1, standard deviation 0.1, error 0.1 / sqrt(3)
    assert command.gain(first, cells, "auc") == "+0.1000 +- 0.0577"
    assert command.gain(first, {(1, 0): {"auc": 0.5}}, "auc") == "-"  # no cell that both have


def test_the_threshold_has_the_largest_accuracy_and_is_nearest_to_a_half():
    y = np.array([0, 0, 1, 1, 1])
    assert command.best_threshold(y, np.array([0.1, 0.6, 0.7, 0.8, 0.9])) == pytest.approx(0.65)
    assert command.best_threshold(y, np.array([0.1, 0.2, 0.7, 0.8, 0.9])) == pytest.approx(0.45)


def test_moved_images_repeat_their_edges():
    x = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    assert command.moved(x, 1, 0)[0, ..., 0].tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    assert command.moved(x, 0, -1)[0, ..., 0].tolist() == [[1, 2, 2], [4, 5, 5], [7, 8, 8]]
