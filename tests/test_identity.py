"""Another project's `kernels` or `convnet` is one clear ImportError; ours import fast and light."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(code: str, *first: Path) -> subprocess.CompletedProcess:
    path = os.pathsep.join(map(str, (*first, ROOT)))
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def decoy(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text("'''Somebody else's package.'''\nversion = 2\n")
    return folder / name / "__init__.py"


@pytest.mark.parametrize(("name", "imported"), [("kernels", "convnet"), ("convnet", "kernels")])
def test_a_decoy_is_named_with_its_file_and_the_remedy(tmp_path, name, imported):
    file = decoy(tmp_path, name)
    done = run(f"import {imported}", tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    assert last.startswith("ImportError: formula-convnet: Python finds another project's")
    assert str(file) in last
    assert f"pip uninstall {name}" in last
    assert "fresh virtual environment" in last


def test_a_package_that_was_overwritten_in_place_is_noticed(tmp_path):
    import shutil

    for name in ("kernels", "convnet"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "convnet" / "__init__.py").write_text("'''Somebody else's package.'''\n")
    done = run("import kernels", tmp_path)
    assert "another project's 'convnet'" in done.stderr


def test_importing_convnet_leaves_the_heavy_libraries_alone():
    done = run(
        "import sys, convnet, kernels\n"
        "heavy = {'numba', 'scipy', 'pydicom', 'matplotlib', 'sklearn', 'rich', 'typer', 'safetensors'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_layers_and_models_can_be_made_without_numba():
    done = run("import sys, convnet; convnet.layers.Conv2D(3, 3); convnet.Model; print('numba' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr
