"""Gather the repository's own pages into docs/pages: READMEs, the course's notebooks, benchmarks, sources, commands.

A link between two gathered pages leads from one to the other; a link to a picture takes the picture along; a link to a
source file leads to a page that shows it. A link that leads nowhere stops the build.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "pages"
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
PICTURES = (".svg", ".png", ".gif")
SOURCES = (".py", ".toml", ".js", ".css")


def gathered() -> dict[Path, str]:
    """Return {page of the repository: its path within docs/pages}."""
    pages = {
        ROOT / "README.md": "start.md",
        ROOT / "CONTRIBUTING.md": "project/contributing.md",
        ROOT / "CHANGELOG.md": "project/changelog.md",
        ROOT / "kernels/README.md": "guides/kernels.md",
        ROOT / "kernels/GLOSSARY.md": "guides/glossary.md",
        ROOT / "convnet/course/COURSE.md": "tutorials/course.md",
    }
    pages |= {path: f"tutorials/{path.name}" for path in sorted(ROOT.glob("convnet/course/*.ipynb"))}
    pages |= {path: f"lessons/{path.parent.name}.md" for path in sorted(ROOT.glob("kernels/*/README.md"))}
    pages |= {path: f"guides/{path.parent.name}.md" for path in sorted(ROOT.glob("convnet/**/README.md"))}
    pages |= {path: f"benchmarks/{path.name.lower()}" for path in sorted(ROOT.glob("benchmarks/*.md"))}
    return pages


class Gatherer:
    """Writes the pages, and remembers what their links need."""

    def __init__(self) -> None:
        self.pages = gathered()
        self.sources: set[Path] = set()
        self.written: set[Path] = set()

    def gather(self) -> None:
        for path, place in self.pages.items():
            text = path.read_text(encoding="utf-8")
            self.write(place, self.notebook(path, text) if path.suffix == ".ipynb" else self.page(path, text))
        self.write("reference/cli.md", commands())
        for path in sorted(self.sources):
            self.write(source_place(path), self.source_page(path))
        for old in set(PAGES.rglob("*")) - self.written:
            if old.is_file() and "live" not in old.parts:
                old.unlink()

    def page(self, path: Path, text: str) -> str:
        """Return a Markdown page with its links led to the site's pages."""
        pieces = re.split(r"(^```.*?^```$|`[^`\n]+`(?!\]))", text, flags=re.MULTILINE | re.DOTALL)
        text = "".join(piece if number % 2 else self.links(path, piece) for number, piece in enumerate(pieces))
        if path.parent.parent == ROOT / "kernels":
            title, _, rest = text.partition("\n")
            text = f"{title}\n\n{self.variants(path)}\n{rest}"
        if path.name == "COURSE.md":
            names = "\n".join(Path(p).stem for p in self.pages.values() if p.endswith(".ipynb"))
            text += f"\n```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{names}\n```\n"
        return text

    def links(self, path: Path, text: str) -> str:
        return LINK.sub(lambda found: found[1] + self.link(path, found[2]) + found[3], text)

    def notebook(self, path: Path, text: str) -> str:
        """Return a notebook with the links of its prose led to the site's pages."""
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = self.links(path, "".join(cell["source"]))
        return json.dumps(notebook, indent=1, ensure_ascii=False)

    def variants(self, lesson: Path) -> str:
        """Return one line with the sources of an operation: formula first, then every variant, slowest first."""
        from kernels.registry import MATRIX_UNIT, OPERATIONS

        operation = lesson.parent.name
        names = ("reference", *OPERATIONS.get(operation, ()), *MATRIX_UNIT.get(operation, ()))
        files = [lesson.parent / f"{name}.py" for name in names]
        links = [f"[{file.name}]({self.link(lesson, file.name)})" for file in files if file.exists()]
        return f"**Source:** {' · '.join(links)}\n" if links else ""

    def link(self, path: Path, link: str) -> str:
        """Return what a link of a page becomes on the site."""
        target, hash_, anchor = link.partition("#")
        if "://" in link or not target:
            return link
        there = (path.parent / target).resolve()
        if there in self.pages:
            place = self.pages[there]
        elif (
            there.suffix == ".md" and there.is_relative_to(ROOT / "docs") and there.exists()
        ):  # a page of the site's own
            place = os.path.relpath(there, PAGES)  # a page of the site's own
        elif there.suffix in PICTURES and there.exists():
            place = f"pictures/{there.relative_to(ROOT).as_posix()}"
            self.write(place, there.read_bytes())
        elif there.suffix in SOURCES and there.exists():
            self.sources.add(there)
            place = source_place(there)
        else:
            raise ExtensionError(f"{path.relative_to(ROOT)}: the link {link} leads to nothing that the site has")
        return os.path.relpath(PAGES / place, (PAGES / self.pages[path]).parent) + hash_ + anchor

    def source_page(self, path: Path) -> str:
        """Return a page that shows a source file, and leads to the page of its folder."""
        name = path.relative_to(ROOT).as_posix()
        language = {".py": "python", ".toml": "toml", ".js": "javascript", ".css": "css"}[path.suffix]
        page = next(self.pages[up / "README.md"] for up in path.parents if up / "README.md" in self.pages)
        back = os.path.relpath(PAGES / page, (PAGES / source_place(path)).parent)
        return (
            f"---\norphan: true\n---\n# {name}\n\n[What it is about]({back})\n\n"
            f"```{{literalinclude}} /../{name}\n:language: {language}\n:linenos:\n```\n"
        )

    def write(self, place: str, contents: str | bytes) -> None:
        """Write a file unless it is there already with the same contents: then its page need not be built again."""
        path, data = PAGES / place, contents.encode() if isinstance(contents, str) else contents
        self.written.add(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)


def source_place(path: Path) -> str:
    return f"source/{path.relative_to(ROOT).as_posix()}.md"


def commands() -> str:
    """Return every command and option, as typer itself documents them."""
    call = [sys.executable, "-m", "typer", "convnet.cli", "utils", "docs", "--name", "convnet", "--title", "Commands"]
    run = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    summary = re.compile(r"^(\*\*Commands\*\*:\n\n(?:\* .*\n)+)", re.MULTILINE)  # cuts every sentence short
    return summary.sub("", run.stdout)


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", lambda *_: Gatherer().gather(), priority=400)
    return {"parallel_read_safe": True}
