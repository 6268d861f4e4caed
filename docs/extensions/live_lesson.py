"""Write the lesson page of `convnet demo --digits`, which the site shows in a frame."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
LESSON = ROOT / "docs" / "pages" / "live" / "lesson.html"


def write(*_) -> None:
    """Write the page, unless it is newer than all code that makes it."""
    code = [path for folder in ("convnet", "kernels") for path in (ROOT / folder).rglob("*") if path.suffix != ".pyc"]
    if LESSON.exists() and LESSON.stat().st_mtime > max(p.stat().st_mtime for p in code if p.is_file()):
        return
    from convnet import demo

    LESSON.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        demo.run_digits(Path(folder), lambda _: None, verbose=0)
        shutil.copy(Path(folder) / "lesson.html", LESSON)


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", write, priority=401)
    return {"parallel_read_safe": True}
