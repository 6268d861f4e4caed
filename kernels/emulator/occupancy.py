"""How many warps of a kernel fit on one multiprocessor at once, and what stops more: NVIDIA's allocation rules."""

from dataclasses import dataclass

# compute capability -> (warps, blocks, registers, shared bytes) of a multiprocessor; CUDA C++ Programming Guide
_LIMITS = {
    (7, 5): (32, 16, 65536, 65536),
    (8, 0): (64, 32, 65536, 167936),
    (8, 6): (48, 16, 65536, 102400),
    (8, 9): (48, 24, 65536, 102400),
    (9, 0): (64, 32, 65536, 233472),
    (10, 0): (64, 32, 65536, 233472),
    (12, 0): (48, 24, 65536, 102400),
}
_RESERVED = 1024  # shared memory that the driver takes of each block (from 8.0 on)


@dataclass
class Occupancy:
    """`warps` of a multiprocessor's `most`; `limit` is what stops more ("registers", "shared memory", ...)."""

    registers: int
    shared: int
    blocks: int
    warps: int
    most: int
    limit: str

    def __str__(self) -> str:
        return (
            f"occupancy: {self.warps} of {self.most} warps ({100 * self.warps // self.most} %), {self.blocks} blocks; "
            f"{self.registers} registers a thread, {self.shared:,} bytes shared; limited by {self.limit}"
        )


_STATIC = 49_152  # bytes of shared arrays whose size is known when the kernel is compiled


def refuse_bounds(threads: int, most: int) -> str:
    """Return why a GPU refuses a block of so many threads for a kernel with launch bounds; "" if it does not."""
    return f"a block has {threads} threads, and the kernel's launch_bounds allow {most}" if threads > most else ""


def refuse(cc: tuple[int, int], threads: int, registers: int, static: int, dynamic: int) -> str:
    """Return why a GPU refuses a block; "" if it does not, or if its limits are not in the table."""
    if static > _STATIC:
        return f"its shared arrays take {static:,} bytes, and at most {_STATIC:,} may be declared"
    if cc not in _LIMITS:
        return ""
    *_, all_registers, all_shared = _LIMITS[cc]
    most = all_shared - (_RESERVED if cc >= (8, 0) else 0)
    gpu = f"a GPU of compute capability {cc[0]}.{cc[1]}"
    if static + dynamic > most:
        return f"a block takes {static + dynamic:,} bytes of shared memory, and {gpu} has {most:,}"
    # registers come in 256 a warp
    taken = -(-registers * 32 // 256) * 256 * -(-threads // 32)
    if taken > all_registers:
        return f"{threads} threads of {registers} registers take {taken:,}, and {gpu} has {all_registers:,}"
    return ""


def occupancy(cc: tuple[int, int], threads: int, registers: int, shared: int) -> Occupancy | None:
    """Return the estimate for blocks of `threads`; None for a GPU whose limits are not in the table."""
    if cc not in _LIMITS:
        return None
    most, most_blocks, all_registers, all_shared = _LIMITS[cc]
    warps = -(-threads // 32)
    # registers come in 256 a warp, shared memory in 128 bytes
    per_warp = -(-max(registers, 1) * 32 // 256) * 256
    reserved = _RESERVED if cc >= (8, 0) else 0
    per_block = -(-(shared + reserved) // 128) * 128
    fits = {
        "warps": most // warps,
        "blocks": most_blocks,
        # warps are spread over four parts, each with a quarter of the registers
        "registers": all_registers // 4 // per_warp * 4 // warps,
        "shared memory": all_shared // per_block if per_block else most_blocks,
    }
    limit = min(fits, key=lambda name: fits[name])
    return Occupancy(registers, shared, fits[limit], fits[limit] * warps, most, limit)
