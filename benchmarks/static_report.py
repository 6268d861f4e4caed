"""Every CUDA kernel without a GPU: what was counted as it ran on the emulator, and what its machine code is made of."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from benchmarks.gpus import Gpu
from benchmarks.static_cases import CASES
from kernels import device, registry
from kernels.emulator import compile as compiler
from kernels.emulator.fingerprint import fingerprint
from kernels.emulator.listing import MATRICES
from kernels.emulator.machine_code import MachineCode, assemble
from kernels.emulator.occupancy import Occupancy, occupancy
from kernels.emulator.report import Launch, Report
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations

QUARTERS = 4  # parts of a multiprocessor, each of which issues one instruction of one warp a cycle
FMAS = ("fma.rn.f32", "fma.rn.ftz.f32")
MULTIPLY_ADDS = (*FMAS, *MATRICES)


@dataclass
class Pass:
    """One pass of one variant on one case: its launches, and the bytes of what it is given and gives."""

    operation: str
    variant: str
    name: str
    case: str
    bytes: int
    reports: list[Report] = field(default_factory=list)
    twice: Pass | None = None  # the same with twice the images, to tell what grows with them

    @property
    def label(self) -> str:
        return f"{self.operation} {self.name}"


class Planned(NamedTuple):
    """A pass to run: "conv2d forward", the variant, what the case is called, and whether its time is predicted."""

    label: str
    variant: str
    case: str
    is_predicted: bool

    def run(self, extrapolate: bool = True) -> Pass:
        """Run it on the emulator; to extrapolate, also with twice the images."""
        op, name = self.label.split()
        more = extrapolate and self.is_predicted
        return run(load_operations()[op], self.variant, name, self.case, CASES[op][self.case], more)


def planned() -> list[Planned]:
    """List every pass of every CUDA variant of the registry, case by case."""
    operations = load_operations()
    return [
        Planned(f"{op} {name}", variant, case, variant in ("cuda", *registry.TENSOR_CORES.get(op, ())))
        for op in registry.OPERATIONS
        for variant in (*registry.variants(op, "cuda"), *registry.TENSOR_CORES.get(op, ()))
        for case in CASES[op]
        for name in operations[op].passes
    ]


def run(operation: Any, variant: str, name: str, case: str, geometry: dict[str, int], extrapolate: bool) -> Pass:
    """One pass on the emulator; to extrapolate, also with twice the images."""
    p = _run(operation, variant, name, case, geometry)
    if extrapolate:
        p.twice = _run(operation, variant, name, case, more(geometry, 2))
    return p


def more(geometry: dict[str, int], times: int) -> dict[str, int]:
    """The geometry with so many times the images, or samples."""
    images = "N" if "N" in geometry else "M"
    return {**geometry, images: times * geometry[images]}


def _run(operation: Any, variant: str, name: str, case: str, geometry: dict) -> Pass:
    p = operation.problem(geometry, np.float32, "random", 0)
    args, settings = operation.arguments(name, p)
    found: list[Report] = []
    device.on_report.append(found.append)
    try:
        results = Registered(operation, variant, "cuda-emulated").call(name, args, settings)
    finally:
        device.on_report.remove(found.append)
    arrays = [*args, *(results if isinstance(results, tuple) else (results,))]
    size = sum(a.nbytes for a in arrays if isinstance(a, np.ndarray))
    return Pass(operation.name, variant, name, case, size, found)


def multiply_adds(report: Report) -> int:
    """Warp instructions that are fp32 multiply-adds, or products of matrices."""
    return sum(report.kinds[k] for k in MULTIPLY_ADDS)


def products(report: Report) -> int:
    """The products that these instructions make."""
    return sum(report.kinds[k] * MATRICES.get(k, 32) for k in MULTIPLY_ADDS)


def executed_share(report: Report) -> float:
    """The multiply-adds' share of the PTX instructions that the hot loop issued."""
    return sum(report.hot[k] for k in MULTIPLY_ADDS) / max(report.hot.total(), 1)


def least_wavefronts(report: Report) -> int:
    """Passes over shared memory if no bank had two words to deliver."""
    return report.wavefronts - report.conflicts


def key(launch: Launch) -> tuple:
    """What makes two launches the same code."""
    return launch.function, launch.types, tuple(sorted(launch.options.items()))


class Codes:
    """The machine code of launched kernels, each assembled once for each GPU."""

    def __init__(self) -> None:
        self.made: dict[tuple, MachineCode] = {}

    def of(self, launch: Launch, gpu: Gpu) -> MachineCode:
        """The code of a launch's kernel on a GPU."""
        self.prepare([launch], (gpu,))
        return self.made[key(launch), gpu.cc]

    def name(self, launch: Launch) -> str:
        """A name of the code that is the same in every run; that of its text, where it is made from unusual values."""
        made = fingerprint(launch.function, launch.types, sorted(launch.options.items()))
        text = "" if made else compiler.to_ptx(launch.function, launch.types, **launch.options)
        return made or sha256(text.encode()).hexdigest()

    def prepare(self, launches: Iterable[Launch | None], gpus: tuple[Gpu, ...]) -> None:
        """Make the codes of many: the assembler, a process of its own, works while the next is compiled."""
        waiting = {}
        with ThreadPoolExecutor() as pool:
            for launch, gpu in product(launches, gpus):
                assert launch is not None
                name = key(launch), gpu.cc
                if name not in self.made and name not in waiting:
                    ptx = compiler.to_ptx(launch.function, launch.types, gpu.cc, **launch.options)
                    waiting[name] = pool.submit(assemble, ptx, gpu.cc)
        self.made |= {name: code.result() for name, code in waiting.items()}


def resident(launch: Launch, code: MachineCode, gpu: Gpu) -> Occupancy:
    """How many warps of the kernel a multiprocessor holds."""
    found = occupancy(gpu.cc, int(np.prod(launch.block)), code.registers, code.shared + launch.shared)
    assert found is not None
    return found


@dataclass(frozen=True)
class Prediction:
    """Seconds that the model gives a pass; `limit` is what takes them, `terms` all that it weighed."""

    seconds: float
    limit: str
    terms: dict[str, float]


def predict(p: Pass, gpu: Gpu, codes: Codes, times: int) -> Prediction:
    """The roofline's time for `times` as many images: the slowest of issuing, multiply-adds, shared and global memory.

    A multiprocessor's quarters issue one warp instruction a cycle each; multiply-adds besides have their lanes, and
    products of matrices the tensor cores. The
    emulator counts PTX, of which the hot loop's listing says how many machine instructions go with a multiply-add.
    Global memory moves each array of the pass once, whatever else is read again comes from a cache. What a second
    batch added is taken as the cost of every further one.
    """
    assert p.twice is not None
    one, two = (np.array([*cycles(which, gpu, codes), which.bytes]) for which in (p, p.twice))
    *cost, moved = one + (times - 1) * (two - one)
    rate = gpu.multiprocessors * gpu.clock * 1e9
    terms = {name: float(n) / rate for name, n in zip(("issue", "multiply-adds", "shared memory"), cost, strict=True)}
    terms["global memory"] = float(moved) / (gpu.memory * 1e9)
    limit = max(terms, key=lambda name: terms[name])
    return Prediction(terms[limit], limit, terms)


def _rate(kind: str, gpu: Gpu) -> int:
    """Multiply-adds a cycle of a multiprocessor's tensor cores, for an instruction of theirs."""
    return gpu.tensor * (2 if "bf16" in kind else 1)


def cycles(p: Pass, gpu: Gpu, codes: Codes) -> tuple[float, float, float]:
    """Cycles of one multiprocessor to issue a pass's instructions, for its multiply-adds, and for shared memory."""
    issued = lanes = shared = 0.0
    for report in p.reports:
        assert report.launch is not None
        hot = codes.of(report.launch, gpu).hot
        fmas, share = multiply_adds(report), hot.share("FFMA", "HMMA")
        issued += fmas / share if fmas and share else report.instructions
        lanes += sum(report.kinds[k] for k in FMAS) * 32 * QUARTERS / gpu.lanes
        lanes += sum(report.kinds[k] * n * QUARTERS / _rate(k, gpu) for k, n in MATRICES.items())
        shared += report.wavefronts
    return issued / QUARTERS, lanes / QUARTERS, shared
