"""`convnet learn`: the whole course into a folder, and nothing of the student's is ever touched."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from convnet.cli import app
from convnet.course.folder import COURSE, KERNELS, copy_course, files
from kernels import registry

NAMES = [name for name, _ in files()]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_the_course_is_whole(tmp_path):
    copied = copy_course(tmp_path / "new" / "course")
    assert copied.written == NAMES
    assert {f"kernels/{op}/{name}" for op in registry.OPERATIONS for name in ("README.md", "reference.py")} < set(NAMES)
    assert sum(name.endswith(".ipynb") for name in NAMES) == 7
    assert "kernels/conv2d/pictures/forward.svg" in NAMES
    assert {str(p.relative_to(tmp_path / "new/course")) for p in tmp_path.rglob("*") if p.is_file()} == set(NAMES)


def test_every_link_leads_somewhere_in_the_copy_and_in_the_repository(tmp_path):
    copy_course(tmp_path)
    repository = [*COURSE.glob("*.ipynb"), *COURSE.glob("*.md"), *KERNELS.glob("*/README.md")]
    pages = [p for p in tmp_path.rglob("*") if p.suffix in (".md", ".ipynb")]
    broken = [
        f"{page}: {link}"
        for page in (*pages, *repository)
        for link in LINK.findall(page.read_text(encoding="utf-8").replace('\\"', '"'))
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert broken == []


def test_a_second_time_nothing_is_written_and_what_the_student_changed_is_kept(tmp_path):
    copy_course(tmp_path)
    mine = tmp_path / "01_formula.ipynb"
    mine.write_text("my answers")
    (tmp_path / "COURSE.md").unlink()
    (tmp_path / "sum.py").write_text("my solution")
    again = copy_course(tmp_path)
    assert again.written == ["COURSE.md"]
    assert again.kept == ["01_formula.ipynb"]
    assert len(again.same) == len(NAMES) - 2
    assert mine.read_text() == "my answers"
    assert (tmp_path / "sum.py").read_text() == "my solution"


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path):
    (tmp_path / "COURSE.md").symlink_to(tmp_path / "elsewhere.md")
    assert "COURSE.md" in copy_course(tmp_path).kept
    assert not (tmp_path / "elsewhere.md").exists()


def test_the_command_says_what_it_did_and_what_to_do_next(tmp_path):
    folder = tmp_path / "my course"
    run = CliRunner().invoke(app, ["learn", str(folder)], catch_exceptions=False)
    assert f"{len(NAMES)} files written" in run.output
    assert "jupyter lab 01_formula.ipynb" in run.output
    (folder / "COURSE.md").write_text("mine")
    run = CliRunner().invoke(app, ["learn", str(folder)], catch_exceptions=False)
    assert run.output.startswith("0 files written")
    assert f"kept yours: {folder / 'COURSE.md'}" in run.output
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file: give a folder"):
        CliRunner().invoke(app, ["learn", str(tmp_path / "file")], catch_exceptions=False)


def test_no_solution_is_in_the_course():
    from convnet.exercises.catalogue import EXERCISES

    assert not {f"{e.name}.py" for e in EXERCISES} & {Path(name).name for name in NAMES}


def test_the_lessons_are_one_book():
    """From convolution on, "next" goes through every lesson once, "previous" goes back, and COURSE.md has the order."""
    lessons = {path.parent.name: path.read_text(encoding="utf-8") for path in KERNELS.glob("*/README.md")}
    order, name = [], "conv2d"
    while name is not None:
        order.append(name)
        last = lessons[name].strip().splitlines()[-1]
        assert last.startswith(f"Lesson {len(order)} of {len(lessons)}: ")
        back, on = re.search(r"← \[[^]]+\]\(\.\./(\w+)/", last), re.search(r"\]\(\.\./(\w+)/README\.md\) →", last)
        assert (back[1] if back else None) == (order[-2] if len(order) > 1 else None)
        name = on[1] if on else None
        assert len(order) <= len(lessons)
    assert sorted(order) == sorted(lessons)
    course = (KERNELS.parent / "convnet/course/COURSE.md").read_text(encoding="utf-8")
    assert re.findall(r"^\d+\. \[[^]]+\]\(../../kernels/(\w+)/README.md\)", course, re.MULTILINE) == order


@pytest.mark.parametrize("path", sorted(KERNELS.glob("*/README.md")), ids=lambda path: path.parent.name)
def test_a_worked_example_is_code_on_the_page(path):
    """Markdown takes >>> for three quotations unless it is indented by four, of a list item counted from its text."""
    fenced, text = False, 0  # text: the column in which a list item's text begins
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fenced ^= line.startswith("```")
        if line and not line.startswith(" "):
            item = re.match(r"(\d+\.|[-*]) ", line)
            text = len(item[0]) if item else 0
        if line.lstrip().startswith(">>>") and not fenced:
            assert len(line) - len(line.lstrip()) >= text + 4, f"{path}:{number}"
