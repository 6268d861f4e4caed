"""python -m kernels.verify.every_size [--op NAME ...]: which CUDA kernels are shown to be safe at every size.

Each kernel that works number by number is launched on the emulator, to learn its arguments. Then its PTX for compute
capability 8.0 is put to kernels/emulator/every_size. A kernel that is not shown says why. The exit code is 1 if one of
them could do wrong. It needs z3: pip install 'formula-convnet[proof]'.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from kernels import device
from kernels.algebra.coverage import Listening
from kernels.emulator.report import Launch, Report
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.problems import case

# whose kernels take flat arrays of equal length, and numbers
BY_NUMBER = ("add", "sigmoid", "relu", "dropout", "sgd", "rmsprop", "adam", "adagrad", "nadam", "lion")
INSTALL = "pip install 'formula-convnet[proof]'"


def launches(operation: str) -> Iterator[Launch]:
    """Yield a launch of every kernel of an operation's CUDA variant, in float32."""
    op, found = load_operations()[operation], dict[tuple, Launch]()
    impl = Registered(op, "cuda", "cuda-emulated")

    def note(report: Report) -> None:
        if report.launch is not None:
            found.setdefault((report.launch.function, report.launch.types), report.launch)

    with Listening(device.on_report, note):
        for seed in range(8):  # settings choose the kernel: momentum or none
            for name in op.passes:
                p = case(op, impl, op.draw(np.random.default_rng(seed)), np.float32, "random", seed, False)
                args, settings = op.arguments(name, p)
                impl.call(name, args, settings)
    yield from found.values()


def describe(launch: Launch, in_place: bool) -> str:
    """Return what is shown of a launched kernel, or why nothing is."""
    from kernels.emulator import compile as compiler
    from kernels.emulator.every_size.paths import NotShownError
    from kernels.emulator.every_size.proof import show
    from kernels.emulator.parse import parse

    began = time.perf_counter()
    function = parse(compiler.to_ptx(launch.function, launch.types, (8, 0), **_options(launch))).entry
    names = list(inspect.signature(launch.function).parameters)
    try:
        shown = show(function, launch.types, names, launch.block[0], in_place)
    except NotShownError as error:
        return f"not shown: {error}"
    took = time.perf_counter() - began
    return f"shown: {shown.ways} ways, {shown.accesses} accesses, {shown.questions} questions, {took:.0f} s"


def _options(launch: Launch) -> dict[str, Any]:
    return {name: value for name, value in launch.options.items() if name != "debug"}


def main() -> None:
    """Print a line for every kernel; once for arrays that lie apart, and once for those that may also be the same."""
    parser = argparse.ArgumentParser(prog="python -m kernels.verify.every_size", description=__doc__)
    parser.add_argument("--op", nargs="*", choices=BY_NUMBER, default=BY_NUMBER, help="only these operations")
    chosen = parser.parse_args().op
    try:
        import z3  # noqa: F401
    except ImportError:
        sys.exit(f"kernels.verify.every_size needs z3: {INSTALL}")
    failed = False
    for operation in chosen:
        for launch in launches(operation):
            for in_place in (False, True):
                said = describe(launch, in_place)
                failed |= "for example" in said and not in_place
                where = "in place" if in_place else "apart"
                print(f"{operation} {launch.function.__name__}, arrays {where}: {said}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
