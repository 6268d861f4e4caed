"""The GPUs that the static report speaks of, from NVIDIA's data sheets: fp32, and TF32 by tensor cores, boost clock."""

from __future__ import annotations

from typing import Any, NamedTuple


class Gpu(NamedTuple):
    """`lanes`: fp32 multiply-adds a multiprocessor begins in a cycle; clock in GHz, memory in GB/s.

    tensor: multiply-adds in TF32 that its tensor cores begin in a cycle; in bfloat16 twice as many.
    """

    name: str
    cc: tuple[int, int]
    multiprocessors: int
    lanes: int
    clock: float
    memory: float
    tensor: int = 128

    @property
    def peak(self) -> float:
        """fp32 GFLOP/s."""
        return 2 * self.multiprocessors * self.lanes * self.clock


# A100 80 GB SXM, H100 SXM5, HGX B200: architecture white papers and data sheets; 19.5, 66.9 and 75.0 TFLOP/s, and 156,
# 495 and 1,125 dense in TF32, of which the last two need other instructions than mma.sync
GPUS = (
    Gpu("A100", (8, 0), 108, 64, 1.410, 2039.0, 512),
    Gpu("H100", (9, 0), 132, 128, 1.980, 3350.0, 1024),
    Gpu("B200", (10, 0), 148, 128, 1.980, 7700.0, 2048),
)


# fp32 lanes of a multiprocessor by compute capability: CUDA C++ Programming Guide, arithmetic instructions
TENSOR = {g.cc: g.tensor for g in GPUS}
LANES = {(7, 0): 64, (7, 2): 64, (7, 5): 64, (8, 0): 64}


def of_device(found: dict[str, Any]) -> Gpu | None:
    """The GPU that the driver describes (`targets.properties("cuda")`); None where it does not tell clock or memory."""
    clock, memory, bits = (found.get(n) for n in ("clock_khz", "memory_clock_khz", "memory_bus_bits"))
    if not (clock and memory and bits):
        return None
    cc = found["compute_capability"]
    speed = 2 * memory * 1e3 * bits / 8 / 1e9  # two transfers a cycle
    name, place = found["name"], (cc[0], cc[1])
    lanes, tensor = LANES.get(place, 128), TENSOR.get(place, 128)
    return Gpu(name, place, found["multiprocessors"], lanes, clock / 1e6, speed, tensor)


def of(cc: tuple[int, int]) -> Gpu:
    """The GPU of a compute capability; ValueError that names what there is."""
    for gpu in GPUS:
        if gpu.cc == cc:
            return gpu
    known = ", ".join(f"{g.cc[0]}.{g.cc[1]} ({g.name})" for g in GPUS)
    raise ValueError(f"--cc {cc[0]}.{cc[1]}: the report knows the GPUs of {known}")
