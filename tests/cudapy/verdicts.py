"""What a test's end says about the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterable

RIGHT, REFUSED, FAULT, TRUE_FAULT, WRONG, TRACEBACK, SKIPPED, LATE = (
    "right", "refused by name", "fault reported", "true fault", "wrong", "traceback", "skipped", "not ended",
)  # fmt: skip
FINE = (RIGHT, REFUSED, TRUE_FAULT)
# tests whose own kernels are at fault, as their source shows -> how
AT_FAULT = {
    "test_dispatcher.TestDispatcher.test_dispatcher_cpointer_arguments": "says that arrays of 10 elements have 16",
    "test_exception.TestException.test_raise_causing_warp_diverge": "20 threads add to the same elements",
    "test_fastmath.TestFastMathOption.test_divf_exception": "10 threads write one element",
    "test_freevar.TestFreeVar.test_freevar": "reads a shared array that nothing has written",
    "test_localmem.TestCudaLocalMem.test_struct_model_type_arr": "writes 10 elements of arrays that have one",
    "test_sm.TestSharedMemoryIssue.test_issue_2393": "all blocks write one element, and read unset shared memory",
    **dict.fromkeys(
        (
            "test_sm_creation.TestSharedMemoryCreation.test_global_build_tuple",
            "test_sm_creation.TestSharedMemoryCreation.test_global_constant_tuple",
            "test_sm_creation.TestSharedMemoryCreation.test_global_constants",
        ),
        "reads a shared array that nothing has written",
    ),
    "test_warp_ops.TestCudaWarpOperations.test_useful_syncwarp": "thread 0 writes an element that the others read",
}
_REFUSALS = ("kernels.emulator.program.Unsupported", "the emulated driver has no", "the emulated device cannot")


def verdict(what: str, kind: str, text: str) -> str:
    """Return the verdict on one test."""
    if what in ("ok", "skip") or kind == "Skipped":  # pytest's way
        return RIGHT if what == "ok" else SKIPPED
    if any(refusal in text for refusal in _REFUSALS):
        return REFUSED
    if "kernels.emulator.faults.KernelFault" in text:
        return FAULT
    return WRONG if kind == "AssertionError" else TRACEBACK


def read(lines: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return test -> (verdict, the end of its text); of a test's parts, the first that is not right counts."""
    found: dict[str, tuple[str, str]] = {}
    for line in lines:
        told = json.loads(line)
        name = told["test"].removeprefix("numba.cuda.tests.cudapy.").split(" ")[0]
        if told["what"] == "started":
            found[name] = (LATE, "")
        elif found.get(name, (LATE,))[0] in (LATE, RIGHT):
            text = told["text"].strip().splitlines()
            found[name] = (verdict(told["what"], told["kind"], told["text"]), text[-1] if text else "")
            if found[name][0] == FAULT and name in AT_FAULT:
                found[name] = (TRUE_FAULT, AT_FAULT[name])
    return found


def begun(lines: Iterable[str]) -> list[str]:
    """Return the tests that have begun, by their whole names."""
    told = [json.loads(line) for line in lines]
    return [t["test"] for t in told if t["what"] == "started"]
