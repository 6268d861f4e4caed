"""Run numba-cuda's own tests of kernels on the emulator, and count the verdicts.

    python -m tests.cudapy [--limit SECONDS] [MODULE ...]

Every module runs in a process of its own. Without names, all modules whose tests launch kernels.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.cudapy import verdicts

# what the tests of the other modules are about: the compiler's inside, files on disk, other processes and tools
MODULES = [
    "alignment",
    "array",
    "array_alignment",
    "array_args",
    "array_methods",
    "array_reductions",
    "atomics",
    "bfloat16",
    "bfloat16_bindings",
    "blackscholes",
    "boolean",
    "casting",
    "complex",
    "complex_kernel",
    "const_string",
    "constmem",
    "cooperative_groups",
    "cuda_array_interface",
    "cuda_jit_no_types",
    "datetime",
    "device_array_capture",
    "device_func",
    "dispatcher",
    "enums",
    "exception",
    "extending",
    "fastmath",
    "flow_control",
    "forall",
    "fp8_bindings",
    "freevar",
    "frexp_ldexp",
    "globals",
    "gufunc",
    "gufunc_scalar",
    "gufunc_scheduling",
    "idiv",
    "intrinsics",
    "iterators",
    "lang",
    "laplace",
    "libdevice",
    "localmem",
    "mandel",
    "math",
    "matmul",
    "minmax",
    "montecarlo",
    "multithreads",
    "nondet",
    "operator",
    "optimization",
    "overload",
    "powi",
    "print",
    "random",
    "record_dtype",
    "recursion",
    "reduction",
    "retrieve_autoconverted_arrays",
    "slicing",
    "sm",
    "sm_creation",
    "ssa",
    "sync",
    "transpose",
    "typeconv",
    "ufuncs",
    "userexc",
    "vector_type",
    "vectorize",
    "vectorize_complex",
    "vectorize_decor",
    "vectorize_device",
    "vectorize_scalar_arg",
    "warp_ops",
]


def run(module: str, limit: float) -> dict[str, tuple[str, str]]:
    """Return the verdicts on one module's tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lines")
        path.touch()
        command = [sys.executable, "-W", "ignore", "-m", "tests.cudapy.run_module", module, str(path)]
        ended = None
        with suppress(subprocess.TimeoutExpired):
            ended = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        found = verdicts.read(path.read_text(encoding="utf-8").splitlines())
    if ended and ended.returncode:
        found[f"{module} itself"] = (verdicts.TRACEBACK, (ended.stderr.strip().splitlines() or ["no word"])[-1])
    return found


def main() -> int:
    """Run the modules; 1 if a test is wrong, ends in a traceback or does not end."""
    parser = argparse.ArgumentParser(prog="python -m tests.cudapy", description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", default=MODULES, help="names without test_, as: sm atomics")
    parser.add_argument("--limit", type=float, default=1800, help="seconds that one module may take")
    chosen = parser.parse_args()
    total: Counter[str] = Counter()
    for module in chosen.modules:
        found = run(f"test_{module}", chosen.limit)
        counts = Counter(v for v, _ in found.values())
        total += counts
        print(f"{module}: {_told(counts)}", flush=True)
        for name, (said, text) in found.items():
            if said not in (verdicts.RIGHT, verdicts.SKIPPED):
                print(f"    {said}: {name}: {text[:300]}", flush=True)
    ran = total.total() - total[verdicts.SKIPPED]
    fine = total[verdicts.RIGHT] + total[verdicts.REFUSED]
    print(f"all: {_told(total)}; {100 * fine / max(ran, 1):.1f} % of {ran} right or refused by name")
    return int(bool(total[verdicts.WRONG] + total[verdicts.TRACEBACK] + total[verdicts.LATE]))


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.most_common()) or "no tests"


if __name__ == "__main__":
    sys.exit(main())
