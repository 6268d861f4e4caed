"""The disk cache of compiled kernels: kept, shared, never stale, never trusted where others can write."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
USE = """
import numpy as np
from kernels import jit, relu
compiled = []
jit.on_compile.append(compiled.append)
y = relu.forward(np.array([-1.0, 2.0], np.float32))
print(y.tolist(), len(compiled))
"""


def start(root: Path, cache: Path, code: str = USE) -> subprocess.Popen:
    env = {**os.environ, "PYTHONPATH": str(root), "PYTHONSAFEPATH": "1", "FORMULA_CONVNET_CACHE": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(root: Path, cache: Path, code: str = USE) -> tuple[str, str]:
    out, err = start(root, cache, code).communicate()
    return out.strip(), err


def copy_of_the_sources(folder: Path) -> Path:
    for name in ("kernels", "convnet"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_a_second_process_compiles_nothing(tmp_path):
    first, _ = run(ROOT, tmp_path)
    assert first.startswith("[0.0, 2.0]")
    assert not first.endswith(" 0")
    assert run(ROOT, tmp_path)[0] == "[0.0, 2.0] 0"


def test_two_processes_may_fill_the_cache_at_once(tmp_path):
    both = [start(ROOT, tmp_path) for _ in range(2)]
    assert [p.communicate()[0].split("]")[0] for p in both] == ["[0.0, 2.0"] * 2
    assert run(ROOT, tmp_path)[0] == "[0.0, 2.0] 0"


def test_a_changed_source_is_compiled_anew_even_where_only_an_imported_file_changed(tmp_path):
    root, cache = copy_of_the_sources(tmp_path / "src"), tmp_path / "cache"
    run(root, cache)
    simd = root / "kernels" / "cpu" / "simd.py"  # relu does not import it: any change of any source counts
    simd.write_text(simd.read_text() + "\n# changed\n")
    assert not run(root, cache)[0].endswith(" 0")


def test_a_damaged_cache_file_is_compiled_again(tmp_path):
    run(ROOT, tmp_path)
    for file in tmp_path.rglob("*.nbc"):
        file.write_bytes(file.read_bytes()[:100])
    out, _ = run(ROOT, tmp_path)
    assert out.startswith("[0.0, 2.0]")
    assert not out.endswith(" 0")
    assert run(ROOT, tmp_path)[0] == "[0.0, 2.0] 0"


def test_a_folder_that_others_can_write_is_not_trusted(tmp_path):
    run(ROOT, tmp_path)
    (inner,) = tmp_path.iterdir()
    inner.chmod(0o777)
    out, err = run(ROOT, tmp_path)
    assert out.startswith("[0.0, 2.0]")
    assert not out.endswith(" 0")
    assert "can be written by, another user" in err
    assert "Set FORMULA_CONVNET_CACHE" in err


def test_sources_that_cannot_be_written_beside_are_no_problem(tmp_path):
    """Installed read-only: nothing is written into the package's folder."""
    root = copy_of_the_sources(tmp_path / "src")
    before = sorted(p.name for p in (root / "kernels").rglob("*") if "__pycache__" not in str(p))
    run(root, tmp_path / "cache")
    after = sorted(p.name for p in (root / "kernels").rglob("*") if "__pycache__" not in str(p))
    assert before == after


def test_disabled_compilation_is_one_clear_error_and_the_reference_still_runs():
    code = """
import numpy as np
from kernels import relu
print(relu.forward(np.array([-1.0, 2.0]), variant="reference").tolist())
relu.forward(np.array([-1.0, 2.0]))
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[0.0, 2.0]"
    assert done.stderr.strip().splitlines()[-1].startswith("ImportError: formula-convnet: NUMBA_DISABLE_JIT is set")
