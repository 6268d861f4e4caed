"""Which tests a mutant has to face: those of the operations that use its file, quick ones first."""

import ast
from functools import cache
from pathlib import Path

from kernels import registry

ROOT = Path(__file__).resolve().parents[2]
EVERY_PASS = ("tests/kernels/test_special_values.py", "tests/kernels/test_buffers.py")
POOLINGS = ("maxpool2d", "avgpool2d", "globalavgpool")
THREADS = {
    **dict.fromkeys(
        ("maxpool2d", "avgpool2d", "globalavgpool", "add", "convpool"), "tests/kernels/test_pool_threads.py"
    ),
    **dict.fromkeys(
        ("dense", "sigmoid", "relu", "softmax", "mse", "crossentropy", "sgd", "adam"),
        "tests/kernels/test_thread_counts.py",
    ),
}


def files() -> list[str]:
    """Every file with compiled code: all that a variant is made of, but neither the references nor the entrances."""
    tables = (registry.OPERATIONS, registry.MATRIX_UNIT, registry.TENSOR_CORES)
    modules = [f"kernels.{op}.{v}" for table in tables for op, variants in table.items() for v in variants]
    used = {f for module in (*modules, *NO_VARIANTS) for f in uses(module)}
    return sorted(f for f in used if Path(f).name not in ("__init__.py", "reference.py", *NOT_KERNELS))


# compiled code that is chosen by what is known beforehand, not by a variant's name
NO_VARIANTS = ("kernels.conv2d.fixed", "kernels.conv2d.fixed_winograd", "kernels.int8.cpu")
NOT_KERNELS = (
    *("checks.py", "jit.py", "registry.py", "targets.py", "threads.py", "identity.py", "device.py", "scheduler.py"),
    "processors.py",
    *("processor.py", "instructions.py", "model.py"),  # of the matrix unit: what stands for it where there is none
)


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
    """Arguments of pytest: first the operation's own tests in the variants that use the file, then all that remains.

    Those that compare numbers of threads come last: they start processes that compile every variant.
    """
    if for_cuda(path):
        return _emulated(path)
    if "int8" in path or path in ("kernels/cpu/simd_steps.py", "kernels/cpu/simd_sums.py"):
        return [["tests/kernels/test_int8.py"]]
    own: list[str] = []
    common: list[str] = []
    unused: list[str] = []
    for op in registry.OPERATIONS:
        names = registry.variants(op, "cpu")
        affected = [v for v in names if path in uses(f"kernels.{op}.{v}")]
        if not affected:
            continue
        own += sorted(str(p.relative_to(ROOT)) for p in (ROOT / "tests/kernels").glob(f"test_{op}*.py"))
        own += ["tests/kernels/test_more_updates.py"] * (op in ("adagrad", "lion", "nadam"))
        common += [*EVERY_PASS, *(["tests/kernels/test_pooling_properties.py"] if op in POOLINGS else [])]
        common += [THREADS[op]] if op in THREADS else []
        unused += [v for v in names if v not in affected]
    if path in ("kernels/cpu/exponential.py", "kernels/cpu/lanes.py"):
        own.append(f"tests/kernels/test_{Path(path).stem}.py")
    stem = Path(path).stem
    own += _of_no_variant(path)
    own.sort(key=lambda test: Path(test).stem.split("_")[-1] not in stem)  # a variant's own file of tests first
    left_out = [f"not {name}" for v in dict.fromkeys(unused) for name in names_of(v)]
    quick = ["-k", " and ".join(["not threads_give", *left_out])]
    return [[*dict.fromkeys(own), *quick], list(dict.fromkeys([*common, *own]))]


def _of_no_variant(path: str) -> list[str]:
    """Return the tests of what no variant's name chooses: fixed weights, and the matrix unit where there is none."""
    names = ["conv2d_fixed"] * any(path in uses(f"kernels.conv2d.{name}") for name in ("fixed", "fixed_winograd"))
    amx = [op for op, (variant, *_) in registry.MATRIX_UNIT.items() if path in uses(f"kernels.{op}.{variant}")]
    if "amx" in path or "matrix_unit" in path:
        names += ["amx", "verify_amx", *(f"{op}_amx" for op in amx)]
    return [f"tests/kernels/test_{name}.py" for name in names]


def for_cuda(path: str) -> bool:
    """Is the file compiled for GPUs? Its tests run on the emulator, whose own compiled code stays the same."""
    return Path(path).name.startswith("cuda") or path.startswith("kernels/cuda/")


def _emulated(path: str) -> list[list[str]]:
    found = [
        f"{op}-{v}-"
        for op in registry.OPERATIONS
        for v in registry.variants(op, "cuda")
        if path in uses(f"kernels.{op}.{v}")
    ]
    tensor = [v for op, names in registry.TENSOR_CORES.items() for v in names if path in uses(f"kernels.{op}.{v}")]
    if not found:
        return [["tests/emulator/test_tensor_cores.py"]]
    chosen = ["-k", " or ".join(found)]
    others = [
        "tests/emulator/test_simulator.py",
        "tests/emulator/test_memory_bound.py",
        "tests/emulator/test_training.py",
    ]
    groups = [["tests/emulator/test_operations.py", *chosen], ["tests/emulator/test_barriers.py", *chosen], others]
    return [*groups, ["tests/emulator/test_tensor_cores.py"]] if tensor else groups


def names_of(variant: str) -> tuple[str, ...]:
    """What a variant is called in the names of parametrized tests; "cpu" alone would be part of all others."""
    return (variant,) if "_" in variant else (f"[{variant}]", f"-{variant}]", f"[{variant}-", f"-{variant}-")
