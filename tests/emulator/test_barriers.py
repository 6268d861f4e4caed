"""Every barrier of every kernel is needed, and missed when it is taken out of the compiled code."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels.emulator import KernelFault, compile, launch
from kernels.emulator import machine as m
from kernels.emulator.lowering import lower
from kernels.emulator.parse import parse
from kernels.verify.implementation import Registered
from tests.emulator.test_operations import EMULATED, OPERATIONS, PASSES

BARRIER = "bar.sync \t0;"


class Noted(dict):
    """A dictionary that remembers what it was asked for."""

    def __init__(self, given: dict) -> None:
        super().__init__(given)
        self.asked_for: set = set()

    def __getitem__(self, key):
        self.asked_for.add(key)
        return super().__getitem__(key)


def without(ptx: str, number: int) -> str:
    """The code without its barrier `number`."""
    parts = ptx.split(BARRIER)
    return parts[0] + "".join(("" if i == number else BARRIER) + part for i, part in enumerate(parts[1:]))


@pytest.mark.parametrize(("op", "variant", "name"), PASSES)
def test_no_barrier_can_be_taken_out_unnoticed(op, variant, name, monkeypatch):
    operation = OPERATIONS[op]
    work = {operation.work(operation.problem(g, np.float32, "integers", 0)): g for g in operation.large}
    p = operation.problem(work[max(n for n in work if n <= EMULATED)], np.float32, "random", 0)
    args, settings = operation.arguments(name, p)
    impl = Registered(operation, variant, "cuda-emulated")
    compiled = Noted(launch._compiled)
    monkeypatch.setattr(launch, "_compiled", compiled)
    impl.call(name, args, settings)
    for key in compiled.asked_for:
        intact = dict.__getitem__(compiled, key)
        if not (intact[0].code[:, m.OP] == m.BARRIER).any():
            continue
        function, types, cc, options = key
        ptx = compile.to_ptx(function, types, cc, **dict(options))
        assert ptx.count("bar.") == ptx.count(BARRIER) > 0
        for number in range(ptx.count(BARRIER)):
            compiled[key] = lower(parse(without(ptx, number))), None
            with pytest.raises(KernelFault) as caught:
                impl.call(name, args, settings)
            assert caught.value.kind in ("race", "uninitialised-shared", "pending-copy")
        compiled[key] = intact


def test_the_kernels_that_share_a_sum_have_a_barrier():
    from kernels.globalavgpool import cuda

    ptx = compile.to_ptx(cuda._mean.py_func, compile.signature((np.ones((1, 2, 3), "f"), np.ones((1, 3), "f"))))
    assert ptx.count(BARRIER) == 1
