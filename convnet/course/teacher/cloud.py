"""Files to open the course in a browser: Binder's requirements, notebooks for Colab, and a page of links."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from convnet.course.folder import COURSE

GITHUB = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")
BRANCH = "main"


def files(repository: str) -> Iterator[tuple[str, bytes]]:
    """Yield (path in the course's folder, contents); ValueError unless it is a repository on GitHub."""
    found = GITHUB.fullmatch(repository)
    if not found:
        raise ValueError(f"--repository must be like https://github.com/YOU/COURSE, got {repository!r}")
    place = f"{found[1]}/{found[2]}"
    notebooks = sorted(COURSE.glob("*.ipynb"))
    yield "binder/requirements.txt", f"./{wheel()}[cuda]\njupyterlab>=4.2,<5\n".encode()
    yield "binder/runtime.txt", b"python-3.12\n"
    for path in notebooks:
        yield f"colab/{path.name}", for_colab(path, place)
    yield "OPEN.md", links(notebooks, place).encode()


def wheel() -> str:
    """Return the name of the file that `pip wheel` makes of formula-convnet."""
    return f"formula_convnet-{version('formula-convnet')}-py3-none-any.whl"


def for_colab(path: Path, place: str) -> bytes:
    """Return a notebook with one cell more, the first, that fetches the course and installs it."""
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text.replace("](../../kernels/", "](../kernels/").replace("](COURSE.md", "](../COURSE.md"))
    extra = "[cuda]" if "gpu" in path.stem else ""
    source = [
        "# Colab: fetch the course and install it, once for each session\n",
        f"!test -d /content/course || git clone -q --depth 1 https://github.com/{place} /content/course\n",
        f"%pip install -q /content/course/{wheel()}{extra}\n",
        "%cd -q /content/course",
    ]
    cell: dict = {
        "cell_type": "code",
        "execution_count": None,
        "id": "colab",
        "metadata": {},
        "outputs": [],
        "source": source,
    }
    notebook["cells"].insert(0, cell)
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def links(notebooks: list[Path], place: str) -> str:
    """Return the page that leads to each notebook in Binder and in Colab."""
    rows = [
        f"| {path.stem[0:2].lstrip('0')} | "
        f"[Binder](https://mybinder.org/v2/gh/{place}/{BRANCH}?labpath={path.name}) | "
        f"[Colab](https://colab.research.google.com/github/{place}/blob/{BRANCH}/colab/{path.name}) |"
        for path in notebooks
    ]
    head = [
        "# Open the course in a browser",
        "",
        "Nothing to install. What you write is lost when the session ends: download it.",
    ]
    return "\n".join([*head, "", "| notebook | Binder | Colab |", "|---|---|---|", *rows]) + "\n"
