"""Which tests a mutant has to face: those of the operations that use its file, quick ones first."""

import ast
from functools import cache
from pathlib import Path

from kernels import registry

ROOT = Path(__file__).resolve().parents[2]
EVERY_PASS = ("tests/kernels/test_special_values.py", "tests/kernels/test_buffers.py")
POOLINGS = ("maxpool2d", "avgpool2d", "globalavgpool")
THREADS = {
    **dict.fromkeys(("maxpool2d", "avgpool2d", "globalavgpool", "add"), "tests/kernels/test_pool_threads.py"),
    **dict.fromkeys(
        ("dense", "sigmoid", "relu", "softmax", "mse", "crossentropy", "sgd", "adam"),
        "tests/kernels/test_thread_counts.py",
    ),
}


def files() -> list[str]:
    """Every file with compiled code: all that a variant is made of, but neither the references nor the entrances."""
    used = {f for op in registry.OPERATIONS for v in registry.variants(op) for f in uses(f"kernels.{op}.{v}")}
    return sorted(f for f in used if Path(f).name not in ("__init__.py", "reference.py", *NOT_KERNELS))


NOT_KERNELS = ("checks.py", "jit.py", "registry.py", "targets.py", "threads.py", "identity.py")


@cache
def uses(module: str) -> frozenset[str]:
    """The files of `kernels` that a module is made of: its own and those that it imports."""
    path = f"{module.replace('.', '/')}.py"
    if not (ROOT / path).exists():
        return frozenset()
    found = {path}
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("kernels"):
            for name in (node.module, *(f"{node.module}.{a.name}" for a in node.names)):
                found |= uses(name)
    return frozenset(found)


def commands(path: str) -> list[list[str]]:
    """Arguments of pytest: the operation's own tests in the variants that use the file, then what is common to all."""
    own, common, unused = [], [], []
    for op in registry.OPERATIONS:
        names = registry.variants(op)
        affected = [v for v in names if path in uses(f"kernels.{op}.{v}")]
        if not affected:
            continue
        tests = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "tests/kernels").glob(f"test_{op}*.py"))
        own += tests
        common += [*EVERY_PASS, *(["tests/kernels/test_pooling_properties.py"] if op in POOLINGS else [])]
        common += [THREADS[op]] if op in THREADS else []
        # cpu_naive is what large shapes are compared with, and the others tell nothing of this file
        unused += [v for v in names if v not in affected and "_" in v]
    if path in ("kernels/exponential.py", "kernels/gemm.py"):
        own.insert(0, f"tests/kernels/test_{Path(path).stem}.py")
    quick = ["-k", " and ".join(f"not {v}" for v in dict.fromkeys(unused))] if unused else []
    if "cpu_" in Path(path).name and not any(v in Path(path).stem for v in unused):
        quick = ["-k", Path(path).stem]
    return [[*dict.fromkeys(own), *quick], list(dict.fromkeys(common))]
