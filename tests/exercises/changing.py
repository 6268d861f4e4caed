"""Solutions with a mistake: a copy of a right one in which some text is replaced."""

from pathlib import Path

import convnet.course

SOLUTIONS = Path(convnet.course.__file__).parent / "teacher" / "solutions"


def changed(folder, name, *changes):
    text = (SOLUTIONS / f"{name}.py").read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / f"{name}.py"
    path.write_text(text)
    return path
