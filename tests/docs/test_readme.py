"""The README and every other page: short, true to the command line, and with links that lead somewhere."""

import re
import shlex

import numpy as np
import pytest
import typer

import convnet
from convnet.cli import app
from kernels import registry
from tests.docs import markdown

README = markdown.ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
EVERY = pytest.mark.parametrize("path", markdown.PAGES, ids=markdown.name)
CLI = typer.main.get_command(app)


def test_it_has_at_most_150_lines_and_exactly_two_set_up_commands():
    assert len(TEXT.splitlines()) <= 150
    set_up = TEXT.partition("## Set up")[2].partition("\n## ")[0]
    assert re.findall(r"^    (.+)$", set_up, re.MULTILINE) == [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/convnet demo",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    ]


def test_the_listing_runs_as_printed(tmp_path, monkeypatch, capsys):
    listing = re.search(r"^```python\n(.+?)^```$", TEXT, re.MULTILINE | re.DOTALL)[1]
    assert "class CNN(convnet.Model)" in listing
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    x, y = random.random((64, 28, 28, 1), np.float32), random.integers(0, 10, 64)
    names = {"x_train": x, "y_train": y, "x_test": x[:32], "y_test": y[:32]}
    exec(listing, names)
    assert np.isfinite([names["loss"], names["accuracy"]]).all()
    assert "Receptive field" in capsys.readouterr().out
    loaded = convnet.load("cnn.safetensors")
    assert np.array_equal(loaded.predict(x, verbose=0), names["model"].predict(x, verbose=0))


def test_it_leads_to_the_lesson_of_every_operation():
    found = re.findall(r"\]\(kernels/(\w+)/README\.md\)", TEXT)
    assert set(found) == set(registry.OPERATIONS)


def test_the_site_has_the_lesson_and_the_functions_of_every_operation():
    index = (markdown.ROOT / "docs/explanation/index.md").read_text(encoding="utf-8")
    functions = (markdown.ROOT / "docs/reference/api/kernels.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\.\./pages/lessons/(\w+)$", index, re.MULTILINE)) == set(registry.OPERATIONS)
    assert set(re.findall(r"automodule:: kernels\.(\w+)\n   :members:", functions)) == set(registry.OPERATIONS)


@EVERY
def test_every_link_leads_somewhere(path):
    for link in markdown.links(path):
        target, _, anchor = link.partition("#")
        there = (path.parent / target).resolve() if target else path
        if there.is_relative_to(markdown.ROOT / "docs" / "pages"):
            continue  # gathered when the site is built, and checked by Sphinx then
        assert there.exists(), f"{path}: {link}"
        if anchor and there.suffix == ".md":
            assert anchor in markdown.anchors(there), f"{path}: {link}"


@EVERY
def test_every_command_and_option_exists(path):
    for line in markdown.commands(path):
        words = shlex.split(line.replace("...", ""), comments=True)
        command = CLI.commands.get(words[0])
        assert command is not None, f"{path}: convnet {line}"
        if getattr(command, "commands", None) and len(words) > 1:
            command = command.commands[words[1]]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        used = [re.split(r"[=|]", word)[0] for word in words if word.startswith("--")]
        until = used.index("--") if "--" in used else len(used)
        assert set(used[:until]) <= known | {"--help"}, f"{path}: convnet {line}"


@EVERY
def test_every_table_has_a_delimiter_row_and_rows_of_one_length(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        text = line.strip()
        if not text.startswith("|") or (number and lines[number - 1].strip().startswith("|")):
            continue
        assert re.fullmatch(r"\|( *:?-+:? *\|)+", lines[number + 1].strip()), f"{path}:{number + 1}"
        width = len(re.findall(r"(?<!\\)\|", text))
        for row in lines[number:]:
            if not row.strip().startswith("|"):
                break
            assert len(re.findall(r"(?<!\\)\|", row)) == width, f"{path}: {row}"
