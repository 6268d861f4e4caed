"""Limits and hostile names as a user of the command line meets them."""

import os

import pytest

from convnet.commands.output import printable
from convnet.data.phantom import Study
from tests.command import convnet


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "s"
    Study(train=1, val=0, test=0).write(folder)
    return next(folder.rglob("*.dcm"))


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("file=1K", "the limit is 1 KiB: raise it with --limit file=... if you trust the file"),
        ("values=700", "states 28 x 28 x 1 x 1 pixel values, the limit is 700"),
        (
            "files=3",
            "--limit 'files=3': expected NAME=VALUE, NAME one of file, inflated, values, frames, seconds, memory",
        ),
    ],
)
def test_a_limit_is_set_by_an_option_and_named_in_the_error(image, limit, words):
    done = convnet("inspect", image, "--limit", limit)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="such names are possible on POSIX only")
def test_a_files_name_does_not_command_the_terminal(tmp_path):
    (tmp_path / "\x1b]0;owned\x07\x1b[2J.dcm").write_bytes(b"no image")
    done = convnet("inspect", next(tmp_path.iterdir()))
    assert done.returncode == 2
    assert "\x1b" not in done.stderr + done.stdout
    assert r"\x1b]0;owned\x07\x1b[2J.dcm: is not" in done.stderr


def test_letters_of_all_languages_are_printable_and_controls_are_written_out():
    assert printable("Müller 山田 é\n\tx") == "Müller 山田 é\n\tx"
    assert printable("\x1b[31m\u202eabc\x00") == r"\x1b[31m\u202eabc\x00"
