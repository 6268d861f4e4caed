"""The GPUs that the static report speaks of, from NVIDIA's data sheets: fp32 without tensor cores, boost clock."""

from __future__ import annotations

from typing import NamedTuple


class Gpu(NamedTuple):
    """`lanes`: fp32 multiply-adds a multiprocessor begins in a cycle; clock in GHz, memory in GB/s."""

    name: str
    cc: tuple[int, int]
    multiprocessors: int
    lanes: int
    clock: float
    memory: float

    @property
    def peak(self) -> float:
        """fp32 GFLOP/s."""
        return 2 * self.multiprocessors * self.lanes * self.clock


# A100 80 GB SXM, H100 SXM5, HGX B200: architecture white papers and data sheets; 19.5, 66.9 and 75.0 TFLOP/s
GPUS = (
    Gpu("A100", (8, 0), 108, 64, 1.410, 2039.0),
    Gpu("H100", (9, 0), 132, 128, 1.980, 3350.0),
    Gpu("B200", (10, 0), 148, 128, 1.980, 7700.0),
)


def of(cc: tuple[int, int]) -> Gpu:
    """The GPU of a compute capability; ValueError that names what there is."""
    for gpu in GPUS:
        if gpu.cc == cc:
            return gpu
    known = ", ".join(f"{g.cc[0]}.{g.cc[1]} ({g.name})" for g in GPUS)
    raise ValueError(f"--cc {cc[0]}.{cc[1]}: the report knows the GPUs of {known}")
