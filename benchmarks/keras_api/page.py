"""The page docs/reference/keras.md: Keras's API and what of it is here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.keras_api.collect import CLASSES, ROOMS
from benchmarks.keras_api.compare import BASES, Row, compare_methods, compare_room, keras_names

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "keras.md"
TITLES = {"optimizers.schedules": "Learning-rate schedules", "utils": "Utilities"}
EVERYWHERE = ("activity_regularizer", "autocast")  # of every layer
INTRODUCTION = """# Keras's names

Every public name of Keras {version}'s layers, losses, metrics, optimizers, schedules, callbacks, initializers,
regularizers, constraints, activations and utilities, and the methods of its models, beside this engine. The table is
made by `python -m benchmarks.keras_api`, which gives each argument a value and looks at what changes.

- **Same**: the name is here, with Keras's meaning and defaults. It takes the listed arguments.
- **Refused by name**: an argument that is not supported. Its default may be spelled out; any other value raises an
  error that names the argument and lists what is supported. No argument is accepted and ignored.
- **Missing**: asking for the name raises an error that lists what there is.

`activity_regularizer` and `autocast=False` are refused by every layer. Keras's other names of layers (`MaxPool2D`,
`Convolution2D` and the like) are taken. A class to be subclassed (`Layer`, `Loss`, `Metric`, `Callback`) is not listed.
"""


def write() -> None:
    """Write the page."""
    PAGE.write_text(text())
    print(PAGE)


def text() -> str:
    """Return the page's text."""
    parts = [INTRODUCTION.format(version=keras_names()["keras"]["version"])]
    for room in ROOMS:
        parts.append(_section(TITLES.get(room, room.capitalize()), compare_room(room), "Keras"))
    for name in CLASSES:
        rows = [row for row in compare_methods(name) if name == "Model" or row.name == "__init__"]
        parts.append(_section(f"Methods of {name}", rows, "method"))
    return "\n".join(parts)


def _section(title: str, rows: list[Row], head: str) -> str:
    rows = [row for row in rows if row.name not in BASES]
    here, missing = [r for r in rows if r.here], [r.name for r in rows if not r.here]
    lines = [f"## {title}", f"{len(here)} of {len(rows)} names are here.", ""]
    if here:
        lines += [f"| {head} | same | refused by name |", "|---|---|---|", *map(_line, here), ""]
    if missing:
        lines += [f"Missing: {_words(missing)}.", ""]
    return "\n".join(lines)


def _line(row: Row) -> str:
    taken = ", ".join([*(f"`{a}`" for a in row.taken), *(f"`{a}` (without effect)" for a in row.ignored)])
    return f"| `{row.name}` | {taken} | {_words(a for a in row.refused if a not in EVERYWHERE)} |"


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)
