"""The page on PyTorch's networks, followed word by word: its programs saved and run, its commands in their order."""

import re
import subprocess
import sys

import pytest

from tests.command import convnet
from tests.docs import markdown

PAGE = (markdown.ROOT / "docs/howto/pytorch.md").read_text(encoding="utf-8")
for needed in ("torch", "onnxscript", "onnx"):
    pytest.importorskip(needed, reason=f"{needed} is not installed: pip install -e '.[onnx]' torch onnxscript")


def test_the_page_does_what_it_says(tmp_path):
    programs = dict(re.findall(r"`(\w+\.py)` and\s+run.+?```python\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    assert list(programs) == ["train.py", "weights.py", "look.py"]
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
    printed = {}
    for step in re.findall(r"run `python (\w+\.py)`|^    convnet (.+)$", PAGE, re.MULTILINE):
        name, command = step
        if name:
            run = subprocess.run([sys.executable, name], cwd=tmp_path, capture_output=True, text=True, check=False)
        else:
            run = convnet(*command.split(), cwd=tmp_path)
        assert run.returncode == 0, f"{step}: {run.stderr}"
        printed[name or command.split()[0]] = run.stdout
    assert "wrote model.safetensors" in printed["import"]
    assert "10 arrays, matched by order" in printed["weights.py"]
    assert float(re.search(r"accuracy ([\d.]+)", printed["look.py"])[1]) > 0.6
    assert "the same but for rounding" in printed["look.py"]
    assert "passes are their formula" in printed["verify"]
    assert "absent" in printed["diagnose"]
    assert (tmp_path / "lesson.html").exists()
    assert list((tmp_path / "pictures").iterdir())
