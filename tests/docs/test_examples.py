"""The examples on the site's own pages run, and say what they print."""

import doctest
import re

import pytest

from tests.command import convnet
from tests.docs import markdown

PAGES = [path for path in markdown.PAGES if path.is_relative_to(markdown.ROOT / "docs")]


@pytest.mark.parametrize("path", PAGES, ids=markdown.name)
def test_it_prints_what_the_page_says(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testfile(str(path), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_the_kernel_on_the_page_is_proven(tmp_path):
    page = (markdown.ROOT / "docs/howto/own_kernel.md").read_text(encoding="utf-8")
    (tmp_path / "my_conv.py").write_text(re.search(r"^```python\n(.+?)^```$", page, re.MULTILINE | re.DOTALL)[1])
    run = convnet("verify", "--kernel", "my_conv.py", "--op", "conv2d", cwd=tmp_path)
    assert run.returncode == 0, run.stdout
