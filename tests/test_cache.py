"""The disk cache of compiled kernels: kept, shared, never stale, never trusted where others can write."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

import kernels
from kernels.compiled_files import _reach, refuse_shared

ROOT = Path(__file__).resolve().parent.parent
USE = """
import numpy as np
from kernels import jit, relu
compiled = []
jit.on_compile.append(compiled.append)
y = relu.forward(np.array([-1.0, 2.0], np.float32))
print(y.tolist(), len(compiled))
"""


def start(root: Path, cache: Path, code: str = USE, **settings: str) -> subprocess.Popen:
    env = {**os.environ, "PYTHONPATH": str(root), "PYTHONSAFEPATH": "1", "FORMULA_CONVNET_CACHE": str(cache)}
    env |= settings
    return subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(root: Path, cache: Path, code: str = USE, **settings: str) -> tuple[str, str]:
    out, err = start(root, cache, code, **settings).communicate()
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
    imported = root / "kernels" / "jit.py"
    imported.write_text(imported.read_text() + "\n# changed\n")
    assert not run(root, cache)[0].endswith(" 0")


def test_a_change_where_a_kernel_cannot_depend_on_it_compiles_nothing_anew(tmp_path):
    root, cache = copy_of_the_sources(tmp_path / "src"), tmp_path / "cache"
    run(root, cache)
    other = root / "kernels" / "maxpool2d" / "cpu.py"
    other.write_text(other.read_text() + "\n# changed\n")
    assert run(root, cache)[0].endswith(" 0")


def test_what_a_kernel_uses_of_other_files_is_in_its_stamp():
    """The modules found by reading the sources against those that compiled functions really refer to."""
    import_all = [import_module(m.name) for m in walk_packages(kernels.__path__, "kernels.") if ".cuda" not in m.name]
    functions = {
        value.py_func for module in import_all for value in vars(module).values() if isinstance(value, Dispatcher)
    }
    assert len(functions) > 100
    for function in functions:
        for used in find_used(function):
            assert used in _reach(function.__module__), (function, used)


def find_used(function: Any, seen: set[str] | None = None) -> set[str]:
    """Return the modules of `kernels` in which what a function's code names was defined, and what that names."""
    seen = set() if seen is None else seen
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        owner = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if not str(owner).startswith("kernels.") or f"{owner}.{name}" in seen:
            continue
        seen.add(f"{owner}.{name}")
        if isinstance(value, Dispatcher):
            find_used(value.py_func, seen)
        elif isinstance(value, FunctionType):
            find_used(value, seen)
    return {used.rpartition(".")[0] for used in seen}


def test_a_kernel_is_compiled_from_inner_functions_that_the_cache_holds(tmp_path):
    """They are kept as code for linking, without machine code of their own."""
    code = """
import numpy as np
from kernels import conv2d, jit
compiled = []
jit.on_compile.append(compiled.append)
x, k = np.arange(50, dtype=np.float32).reshape(1, 5, 5, 2), np.arange(54, dtype=np.float32).reshape(3, 3, 2, 3) - 27
print((conv2d.forward(x, k) == conv2d.forward(x, k, variant="reference")).all(), compiled)
"""
    run(ROOT, tmp_path, code)
    for file in tmp_path.rglob("cpu._forward*.nbc"):
        file.unlink()
    assert run(ROOT, tmp_path, code) == ("True ['kernels.conv2d.cpu._forward']", "")


def test_the_parts_of_a_kernel_find_the_python_objects_that_they_use(tmp_path):
    """An inner function prints an array by way of its dtype, a Python object: compiled here, and from the cache."""
    (tmp_path / "own.py").write_text("""
import numpy as np
from kernels.jit import jit

@jit(inner=True)
def tell(x):
    print(x)

@jit()
def kernel(x):
    tell(x)

kernel(np.arange(2, dtype=np.float32))
""")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import own"
    for _ in range(2):
        assert run(ROOT, tmp_path / "cache", code) == ("[0. 1.]", "")


def test_a_parallel_loop_becomes_machine_code_once(tmp_path):
    """Not its body, nor the two wrappers around it, each by itself too."""
    (tmp_path / "own.py").write_text("""
import numba
import numpy as np
from llvmlite.binding import ExecutionEngine
from kernels.jit import jit

@jit(parallel=True)
def kernel(x):
    for n in numba.prange(x.size):
        x[n] += n

add_module, made, x = ExecutionEngine.add_module, [], np.ones(3)
ExecutionEngine.add_module = lambda self, module: (made.append(module.name), add_module(self, module))
kernel(x)
print(x, made)
""")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import own"
    assert run(ROOT, tmp_path / "cache", code) == ("[1. 2. 3.] ['nrt', 'kernel']", "")  # nrt: Numba's own runtime


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


@pytest.mark.parametrize(("mode", "trusted"), [(0o777, False), (0o775, False), (0o1777, True), (0o755, True)])
def test_a_folder_in_a_parent_where_others_can_replace_it_is_not_trusted(tmp_path, mode, trusted):
    """Without the sticky bit, who may write to a folder may rename what others own in it."""
    mine = tmp_path / "shared" / "mine"
    mine.mkdir(parents=True)
    os.chown(mine.parent, -1, group_of_others() if os.getuid() == 0 else -1)
    mine.parent.chmod(mode)
    if trusted or (mode == 0o775 and os.getuid()):
        refuse_shared(mine)
        return
    with pytest.raises(PermissionError, match="in which other users can replace it"):
        refuse_shared(mine)


def group_of_others() -> int:
    import grp
    import pwd

    name = pwd.getpwuid(os.getuid()).pw_name
    return next(g.gr_gid for g in grp.getgrall() if g.gr_name != name)


def test_a_link_to_a_trusted_folder_from_where_others_can_write_is_not_trusted(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    (tmp_path / "mine" / "inner").mkdir(parents=True)
    (tmp_path / "shared" / "link").symlink_to(tmp_path / "mine")
    refuse_shared(tmp_path / "mine" / "inner")
    with pytest.raises(PermissionError, match="in which other users can replace it"):
        refuse_shared(tmp_path / "shared" / "link" / "inner")


def test_a_flipped_bit_in_any_place_is_noticed(tmp_path):
    """A pickle with one bit changed may load, and its machine code may then crash the process."""
    run(ROOT, tmp_path)
    rng = np.random.default_rng(0)
    for file in tmp_path.rglob("*.nbc"):
        content = bytearray(file.read_bytes())
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        file.write_bytes(content)
    out, err = run(ROOT, tmp_path)
    assert out.startswith("[0.0, 2.0]")
    assert not out.endswith(" 0")
    assert not err


def test_kernels_compiled_under_other_settings_are_kept_apart(tmp_path):
    code = "from kernels.compiled_files import folder; print(folder().name)"
    settings = [{}, {"NUMBA_BOUNDSCHECK": "1"}, {"NUMBA_OPT": "1"}, {"NUMBA_DEBUGINFO": "1"}, {"NUMBA_ENABLE_AVX": "0"}]
    names = [run(ROOT, tmp_path, code, **s)[0] for s in settings]
    assert all(names)
    assert len(set(names)) == len(settings)


def test_debug_code_of_another_checkout_is_not_taken_for_ours(tmp_path):
    """Such code names its sources by their whole paths."""
    code = "from kernels.compiled_files import folder; print(folder().name)"
    other = copy_of_the_sources(tmp_path / "src")

    def kept(root, **settings):
        return run(root, tmp_path / "cache", code, **settings)[0]

    assert kept(ROOT) == kept(other)
    assert kept(ROOT, NUMBA_DEBUGINFO="1") != kept(other, NUMBA_DEBUGINFO="1")


def test_without_optimisation_kernels_run_and_say_why_they_are_not_kept(tmp_path):
    code = """
import numpy as np
from kernels import maxpool2d
print(maxpool2d.forward(np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1), 2)[0].ravel().tolist())
"""
    out, err = run(ROOT, tmp_path, code, NUMBA_OPT="0")
    assert out == "[5.0, 7.0, 13.0, 15.0]"
    assert "NUMBA_OPT=0" in err
    assert "Traceback" not in err


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
