"""Run numba-cuda's own tests of kernels on the emulator, and count the verdicts.

    python -m tests.cudapy [--limit SECONDS] [MODULE ...]

Every module runs in a process of its own, which begins anew behind a test that does not end. Without names, all modules
whose tests launch kernels.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
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
    """Return the verdicts on one module's tests; one that takes longer than `limit` is ended, and the others go on."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lines")
        path.touch()
        ended, word = None, ""
        while ended is None:
            begun = verdicts.begun(_lines(path))
            command = [sys.executable, "-W", "ignore", "-m", "tests.cudapy.run_module", module, str(path), *begun]
            ended, word = _watch(command, path, limit)
        found = verdicts.read(_lines(path))
    if ended:
        found[f"{module} itself"] = (verdicts.TRACEBACK, word)
    return found


def _lines(path: Path) -> list[str]:
    """Return the complete lines of a file that another process writes."""
    return [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


def _watch(command: list[str], path: Path, limit: float) -> tuple[int | None, str]:
    """Run a process until nothing is added to the file for `limit` seconds; return (its end or None, its last word)."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as words:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=words)
        size, before = -1, len(verdicts.begun(_lines(path)))
        while process.poll() is None:
            if path.stat().st_size != size:
                size, since = path.stat().st_size, time.monotonic()
            elif time.monotonic() - since > limit:
                process.kill()
                process.wait()
                return (None, "") if verdicts.begun(_lines(path)) else (1, "does not start")
            time.sleep(0.2)
        words.seek(0)
        if process.returncode < 0 and len(verdicts.begun(_lines(path))) > before:
            return None, ""  # a test has ended the process: it counts as not ended
        return process.returncode, (words.read().strip().splitlines() or ["no word"])[-1]


def main() -> int:
    """Run the modules; 1 if a test is wrong, ends in a traceback or does not end."""
    parser = argparse.ArgumentParser(prog="python -m tests.cudapy", description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", default=MODULES, help="names without test_, as: sm atomics")
    parser.add_argument("--limit", type=float, default=300, help="seconds that one test may take")
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
    fine = sum(total[v] for v in verdicts.FINE)
    print(f"all: {_told(total)}; {100 * fine / max(ran, 1):.1f} % of {ran} right, refused by name, or at fault")
    return int(bool(total[verdicts.WRONG] + total[verdicts.TRACEBACK] + total[verdicts.LATE]))


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.most_common()) or "no tests"


if __name__ == "__main__":
    sys.exit(main())
