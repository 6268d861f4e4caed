"""The table of Keras's names: up to date, and no argument that is accepted without an effect."""

import importlib

import pytest

import convnet
from benchmarks.keras_api import page
from benchmarks.keras_api.collect import ROOMS
from benchmarks.keras_api.compare import compare, compare_room, keras_names


@pytest.fixture(scope="module")
def rows():
    return {room: [row for row in compare_room(room) if row.here] for room in ROOMS}


def listed(rows, what):
    return [f"{room}.{row.name}: {name}" for room in rows for row in rows[room] for name in what(row)]


def test_the_page_says_what_is_there():
    assert page.PAGE.read_text() == page.text(), "run python -m benchmarks.keras_api"


def test_no_argument_is_accepted_and_ignored(rows):
    assert not listed(rows, lambda row: row.ignored)


def test_keras_own_defaults_may_be_spelled_out_and_mean_the_same(rows):
    assert not listed(rows, lambda row: row.unwilling)
    assert not listed(rows, lambda row: row.differs)


def test_a_refusal_names_the_argument(rows):
    def unnamed(row):
        return [f"{a}: {message}" for a, message in row.refused.items() if a not in message]

    assert not listed(rows, unnamed)


@pytest.mark.parametrize("room", ROOMS)
def test_asking_for_what_is_missing_says_what_there_is(room):
    missing = [row.name for row in compare_room(room) if not row.here]
    try:
        module = importlib.import_module(f"convnet.{'optimizers' if 'schedules' in room else room}")
    except ModuleNotFoundError:
        with pytest.raises(AttributeError, match="it has Model"):
            getattr(convnet, room)
        return
    for name in missing:
        with pytest.raises(AttributeError, match=rf"has no '{name}'.*it has "):
            getattr(module, name)


def test_other_names_of_a_layer_are_taken():
    entries = keras_names()["rooms"]["layers"]
    aliases = {name: e["alias"] for name, e in entries.items() if "alias" in e and hasattr(convnet.layers, e["alias"])}
    assert len(aliases) >= 5
    for name, full in aliases.items():
        assert getattr(convnet.layers, name) is getattr(convnet.layers, full)


def test_the_comparison_sees_what_is_ignored():
    class Deaf:
        def __init__(self, units, scale=1.0, bias=True):
            self.units, self.bias = units, bias

    arguments = {"units": [], "scale": [1.0], "bias": [False]}
    row = compare("Deaf", Deaf, arguments)
    assert (row.taken, row.ignored, row.differs) == (["units", "bias"], ["scale"], ["bias"])
    assert keras_names()["rooms"]["layers"]["Conv2D"]["arguments"]["filters"] == []


def test_the_writer_of_keras_files_knows_what_keras_has():
    """A new layer of ours: is it Keras's, are all of its settings? Else it belongs into the writer's tables."""
    from convnet.exchange.keras.describing import BEYOND, FOREIGN

    entries = keras_names()["rooms"]["layers"]
    for name, cls in convnet.layers.BUILT_IN.items():
        if name in FOREIGN:
            assert name not in entries
            continue
        assert set(cls.settings) - set(entries[name]["arguments"]) == set(BEYOND.get(name, {})), name
