"""What a warp's access costs: wavefronts of shared memory (bank conflicts), sectors of global memory."""

from kernels.emulator import machine as m
from kernels.emulator.scalars import jit


@jit
def _with_sector(seen, found, address):
    """Return how many sectors are seen once this address's is among them.

    Neighbours share one, so the last comes first.
    """
    sector = address >> 5
    for i in range(found - 1, -1, -1):
        if seen[i] == sector:
            return found
    seen[found] = sector
    return found + 1


@jit
def count_sectors(M, addresses, active, width, pc):
    """Count the 32-byte sectors that one request touches, each once."""
    seen = M.scratch[1]
    found = 0
    for lane in range(32):
        if not active[lane]:
            continue
        M.counts[pc, m.USEFUL] += width
        found = _with_sector(seen, found, addresses[lane])
    M.counts[pc, m.REQUESTS] += 1
    M.counts[pc, m.SECTORS] += found


@jit
def count_copied(M, addresses, widths, pc):
    """Sectors that a warp's asynchronous copies read; those that only write zeros read none.

    The request itself is counted where it writes to shared memory.
    """
    seen = M.scratch[1]
    found = 0
    for lane in range(32):
        if widths[lane] == 0:
            continue
        M.counts[pc, m.USEFUL] += widths[lane]
        found = _with_sector(seen, found, addresses[lane])
    M.counts[pc, m.SECTORS] += found


@jit
def count_wavefronts(M, addresses, active, width, pc):
    """Return the passes over the 32 banks of 4 bytes: one if no bank must deliver two words.

    Accesses of 8 bytes go by half warps, of 16 bytes by quarters: that many passes are the least.
    """
    together = 32 if width <= 4 else 128 // width
    passes, least = 0, 0
    for first in range(0, 32, together):
        worst = _worst_bank(M, addresses, active, width, first, together)
        passes += worst
        least += 1 if worst > 0 else 0
    M.counts[pc, m.REQUESTS] += 1
    M.counts[pc, m.WAVEFRONTS] += passes
    M.counts[pc, m.IDEAL] += least


@jit
def _worst_bank(M, addresses, active, width, first, together):
    """Return the number of different words in the bank that has most of them."""
    others, load, firsts = M.scratch[2], M.scratch[3], M.scratch[4]
    found, worst = 0, 0
    load[:32] = 0
    for lane in range(first, first + together):
        if not active[lane]:
            continue
        for word in range(addresses[lane] >> 2, ((addresses[lane] + width - 1) >> 2) + 1):
            bank = word & 31
            known = load[bank] > 0 and firsts[bank] == word
            if load[bank] == 0:
                firsts[bank] = word
            elif not known:
                for i in range(found - 1, -1, -1):
                    if others[i] == word:
                        known = True
                        break
                if not known:
                    others[found] = word
                    found += 1
            if not known:
                load[bank] += 1
                worst = max(worst, load[bank])
    return worst


@jit
def count_access(M, addresses, active, slot, width, pc):
    """Count one request of a warp, by the memory that it goes to. `addresses` are offsets within the slot."""
    if slot == m.SHARED:
        count_wavefronts(M, addresses, active, width, pc)
    elif slot >= m.FIRST_BUFFER:
        count_sectors(M, addresses, active, width, pc)
    else:
        M.counts[pc, m.REQUESTS] += 1
