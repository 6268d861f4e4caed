"""Each planted fault is found, with its line, its thread and the array's name; each control runs and is right."""

import inspect

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels.emulator import KernelFault, run
from tests.emulator import planted


def name(value):
    return getattr(getattr(value, "kernel", None), "__name__", None)


@pytest.mark.parametrize("case", planted.FAULTS, ids=name)
def test_a_planted_fault_is_found_with_line_thread_and_array(case):
    with pytest.raises(KernelFault, match=case.says) as caught:
        run(case.kernel, case.grid, case.block, planted.fresh(case.args), **case.options)
    fault = caught.value
    lines, first = inspect.getsourcelines(getattr(case.kernel, "py_func", case.kernel))
    assert fault.kind == case.kind, fault
    assert fault.line in [first + i for i, text in enumerate(lines) if "FAULT" in text], fault
    assert fault.file == planted.__file__
    assert fault.thread == (case.thread, 0, 0), fault


@pytest.mark.parametrize("case", planted.CONTROLS, ids=name)
def test_the_correct_kernel_beside_it_passes(case):
    args = planted.fresh(case.args)
    run(case.kernel, case.grid, case.block, args, **case.options)
    np.testing.assert_array_equal(args[0], case.expected)
