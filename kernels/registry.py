"""THE table: every operation and its variants, slowest first. To add a variant: one file, one word here.

A variant's name is its file's name; what stands before the first `_` is its family, "cpu" or "cuda", and the variant
that is called like the family is its default. A target's name ("cuda-emulated") stands for its family's default.
`reference` belongs to every operation.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType

from kernels.amx import processor
from kernels.targets import FAMILIES

OPERATIONS: dict[str, tuple[str, ...]] = {
    "conv2d": (
        "cpu_naive",
        "cpu_parallel",
        "cpu_ordered",
        "cpu_vector",
        "cpu",
        "cpu_winograd",
        "cuda_naive",
        "cuda_shared",
        "cuda",
    ),
    "conv2dtranspose": ("cpu", "cuda"),
    "maxpool2d": ("cpu_naive", "cpu", "cuda_naive", "cuda"),
    "convpool": ("cpu_naive", "cpu", "cuda_naive", "cuda"),
    "avgpool2d": ("cpu", "cuda"),
    "globalavgpool": ("cpu", "cuda"),
    "dense": ("cpu_naive", "cpu_blocked", "cpu", "cuda_naive", "cuda"),
    "batchnorm": ("cpu", "cuda"),
    "groupnorm": ("cpu", "cuda"),
    "add": ("cpu", "cuda"),
    "arithmetic": ("cpu", "cuda"),
    "concatenate": ("cpu", "cuda"),
    "resample": ("cpu", "cuda"),
    "sigmoid": ("cpu", "cuda"),
    "relu": ("cpu", "cuda"),
    "unary": ("cpu", "cuda"),
    "softmax": ("cpu", "cuda"),
    "mse": ("cpu", "cuda"),
    "crossentropy": ("cpu", "cuda"),
    "dropout": ("cpu", "cuda"),
    "sgd": ("cpu", "cuda"),
    "rmsprop": ("cpu", "cuda"),
    "adam": ("cpu", "cuda"),
    "adagrad": ("cpu", "cuda"),
    "nadam": ("cpu", "cuda"),
    "lion": ("cpu", "cuda"),
}

# (operation, variant) -> the factor by which its error may exceed the operation's own rounding bound,
# gamma_m * sum|terms|, with each term as large as any of its channel: the channel's largest number of x in the image
# times its largest of k for the filter; and with 40 added to m for the transforms' own roundings.
# Such a variant has only some settings, and raises ValueError for others.
# cpu_winograd, F(4x4,3x3): max_i (|A^T| (|G|1 * |B^T|1))_i = 48 down and across, for a sum of 9: 48^2 / 9 = 256.
OWN_BOUNDS: dict[tuple[str, str], float] = {("conv2d", "cpu_winograd"): 256.0}

# operation -> its variants on the tensor cores of NVIDIA's GPUs, the least precise first: chosen by name only, so no
# list above has them. They take float32. Their bounds: kernels/cuda/bounds.py.
TENSOR_CORES: dict[str, tuple[str, ...]] = {
    "conv2d": ("cuda_tf32", "cuda_tf32x3", "cuda_bf16x3"),
    "dense": ("cuda_tf32", "cuda_tf32x3", "cuda_bf16x3"),
}

# operation -> its variants on the matrix unit of Intel's processors (AMX), the least precise first. Most machines lack
# it, so they are chosen by name only, and no list above has them. Their bounds: kernels/amx/bounds.py.
MATRIX_UNIT: dict[str, tuple[str, ...]] = {
    "conv2d": ("cpu_amx_bf16", "cpu_amx_3", "cpu_amx"),
    "convpool": ("cpu_amx_bf16", "cpu_amx_3", "cpu_amx"),
    "dense": ("cpu_amx_bf16", "cpu_amx_3", "cpu_amx"),
}


def variants(operation: str, target: str | None = None) -> tuple[str, ...]:
    """Return the variants of an operation, slowest first, without `reference`; of one target if it is named."""
    return tuple(v for v in OPERATIONS[operation] if target is None or family(v) == FAMILIES[target])


def opt_in(operation: str, target: str) -> tuple[str, ...]:
    """Return the variants that are chosen by name only: on a matrix unit or tensor cores, if `target` has them."""
    if FAMILIES[target] == "cpu":
        return MATRIX_UNIT.get(operation, ()) if processor.missing() is None else ()
    if operation not in TENSOR_CORES:
        return ()
    from kernels.cuda.copies import are_asynchronous  # what they need of a GPU; it imports numba-cuda

    return TENSOR_CORES[operation] if are_asynchronous(target) else ()


def family(variant: str) -> str:
    """Return what a variant, or a target, is made for: "cpu" or "cuda"; the reference is for the CPU."""
    if variant in FAMILIES:
        return FAMILIES[variant]
    return "cpu" if variant == "reference" else variant.split("_")[0]


def general(operation: str, target: str | None = None) -> tuple[str, ...]:
    """Return the variants that accept every setting and meet the operation's own bound: those not in OWN_BOUNDS."""
    return tuple(v for v in variants(operation, target) if (operation, v) not in OWN_BOUNDS)


def check(operation: str, variant: str) -> str:
    """Return the variant's own name, for a target its default's; ValueError lists the variants if it is unknown."""
    if variant in FAMILIES and variant not in OPERATIONS[operation]:
        variant = default(operation, variant)
    there = ("reference", *OPERATIONS[operation], *MATRIX_UNIT.get(operation, ()), *TENSOR_CORES.get(operation, ()))
    if variant not in there:
        known = ", ".join(there)
        raise ValueError(f"{operation}: there is no variant {variant!r}; choose one of: {known}")
    return variant


def load(operation: str, variant: str) -> ModuleType:
    """Return the module that holds a variant's passes; ValueError lists the variants if it is unknown."""
    return import_module(f"kernels.{operation}.{check(operation, variant)}")


def default(operation: str, target: str) -> str:
    """Return the variant that a target's name stands for: the one called like its family, or the fastest there is."""
    there = general(operation, target)
    if not there:
        raise ValueError(f"{operation}: there is no variant for the target {target!r} yet")
    return FAMILIES[target] if FAMILIES[target] in there else there[-1]


@cache
def find(operation: str, variant: str, name: str) -> Callable:
    """Return one pass of a variant, for example "backward_data" of "cpu" of "conv2d"."""
    return getattr(load(operation, variant), name)
