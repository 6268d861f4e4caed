"""What numba-cuda compiled is kept on disk, and never served for another kernel."""

from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import cuda, float32, int32
from numba.core import types

from kernels.compiled_files import CompiledFiles
from kernels.emulator import compile as compiler
from kernels.emulator import kept, launch, run
from kernels.emulator.fingerprint import fingerprint

SCALE = float32(2)


@cuda.jit(device=True)
def twice(a):
    return SCALE * a


@cuda.jit(device=True)
def thrice(a):
    return float32(3) * a


def scaling(change, more=1):
    """Return the kernel y[i] = more * change(x[i])."""

    def scale(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = more * change(x[i])

    return cuda.jit(scale)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """What is made in a process that begins with an empty folder; call `made.restart()` for another process."""

    class Made(list):
        def restart(self):
            self.clear()
            monkeypatch.setattr(launch, "_compiled", {})
            monkeypatch.setattr(compiler, "_made", {})

    found = Made()
    found.restart()
    monkeypatch.setattr(kept, "_files", lambda what: CompiledFiles(str(tmp_path), what))
    monkeypatch.setattr(kept, "on_make", [lambda *what: found.append(what)])
    return found


def scaled(kernel):
    x, y = np.arange(40, dtype=np.float32), np.zeros(40, np.float32)
    run(kernel, 2, 32, (x, y))
    return y[1]


def test_the_next_process_compiles_nothing(made):
    assert scaled(scaling(twice)) == 2
    assert made == [("ptx", "scale"), ("program", "scale")]
    made.restart()
    assert scaled(scaling(twice)) == 2
    assert made == []


def test_a_kernel_of_the_same_text_with_another_device_function_or_value_is_compiled(made):
    assert scaled(scaling(twice)) == 2
    made.restart()
    assert (scaled(scaling(thrice)), scaled(scaling(twice, 5))) == (3, 10)
    assert [what for what, _ in made] == ["ptx", "program"] * 2


def test_a_damaged_file_is_made_anew(made, tmp_path):
    assert scaled(scaling(twice)) == 2
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    made.restart()
    assert scaled(scaling(twice)) == 2
    assert made == [("ptx", "scale"), ("program", "scale")]


def test_a_global_that_a_device_function_names_is_part_of_the_kernel(monkeypatch):
    before = fingerprint(scaling(twice).py_func, ())
    assert before == fingerprint(scaling(twice).py_func, ())
    monkeypatch.setitem(globals(), "SCALE", float32(4))
    assert fingerprint(scaling(twice).py_func, ()) != before


def test_options_of_a_device_function_are_part_of_the_kernel():
    text, inline = cuda.jit(device=True)(thrice.py_func), cuda.jit(device=True, forceinline=True)(thrice.py_func)
    assert fingerprint(scaling(text).py_func, ()) != fingerprint(scaling(inline).py_func, ())


def test_fields_in_another_order_are_another_type():
    kinds = []
    for fields in (("h", "w"), ("w", "h")):
        record = NamedTuple("Sizes", [(name, int) for name in fields])
        kinds.append(types.NamedUniTuple(int32, 2, record))
    function = scaling(twice).py_func
    assert fingerprint(function, (kinds[0],)) != fingerprint(function, (kinds[1],))
    arrays = [types.Array(kind, 1, "C") for kind in (float32, int32)]
    assert fingerprint(function, (arrays[0],)) != fingerprint(function, (arrays[1],))


def test_a_kernel_that_names_something_without_a_text_is_compiled_in_every_process(made):
    kernel = scaling(twice, more=1)
    kernel.py_func.__globals__["SCALE"], scale = object(), SCALE
    try:
        assert fingerprint(kernel.py_func, ()) is None
    finally:
        kernel.py_func.__globals__["SCALE"] = scale
    assert kept.keep("ptx", "scale", None, lambda: "made") == "made"
    assert kept.keep("ptx", "scale", None, lambda: "again") == "again"
