"""The teacher's kit: every file that `convnet learn --teacher` adds to the course."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from convnet.course.teacher import cloud
from convnet.course.teacher.deck import SLIDES, make_html, make_slides_pdf, read_deck
from convnet.course.teacher.paper import SHEET, make_pdf
from convnet.course.teacher.quiz import bank, sheets

HERE = Path(__file__).parent
SOLUTIONS = HERE / "solutions"


def files(seed: int, repository: str | None, pdf: bool) -> Iterable[tuple[str, bytes]]:
    """Return (path in the course's folder, contents), made one by one; ValueError if the repository is none.

    seed        of the quiz's numbers
    repository  where the course will be on GitHub, for Binder and Colab; None: no such files
    pdf         whether to make files to print, which needs ReportLab
    """
    in_a_browser = () if repository is None else tuple(cloud.files(repository))
    ignored = (".gitignore", b"teacher/\n.ipynb_checkpoints/\n")
    kit = ((f"teacher/{name}", contents) for name, contents in for_the_teacher(seed, pdf))
    return chain((ignored, *in_a_browser), kit)


def for_the_teacher(seed: int, pdf: bool) -> Iterator[tuple[str, bytes]]:
    """Yield (path in the teacher's folder, contents)."""
    yield "TEACHER.md", (HERE / "TEACHER.md").read_bytes()
    notes = {path.name: path.read_text(encoding="utf-8") for path in sorted((HERE / "notes").glob("*.md"))}
    yield from ((f"notes/{name}", text.encode()) for name, text in notes.items())
    yield from ((f"solutions/{path.name}", path.read_bytes()) for path in sorted(SOLUTIONS.glob("*.py")))
    decks = {path.stem: read_deck(path.read_text(encoding="utf-8")) for path in sorted(SLIDES.glob("*.md"))}
    yield from ((f"slides/{name}.html", make_html(slides).encode()) for name, slides in decks.items())
    drawn = bank.draw(seed)
    sheet, key = sheets.make_sheet(drawn, seed), sheets.make_key(drawn, seed)
    yield f"quiz/quiz-{seed}.md", sheets.plain(sheet).encode()
    yield f"quiz/key-{seed}.md", sheets.plain(key).encode()
    yield f"quiz/quiz-{seed}.gift", sheets.make_gift(drawn, seed).encode()
    if pdf:
        solved = [
            f"## {path.stem}\n\n```python\n{path.read_text('utf-8')}```" for path in sorted(SOLUTIONS.glob("*.py"))
        ]
        yield (
            "notes.pdf",
            make_pdf("Notes for the teacher", [*notes.values(), "\n\n".join(["# Solutions", *solved])], SHEET),
        )
        yield "slides.pdf", make_slides_pdf("formula-convnet: the course", list(decks.values()))
        yield f"quiz/quiz-{seed}.pdf", make_pdf(f"Quiz, version {seed}", sheet, SHEET)
        yield f"quiz/key-{seed}.pdf", make_pdf(f"Key of the quiz, version {seed}", key, SHEET)
