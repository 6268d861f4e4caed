"""What a kernel has printed, written when it has ended; of too much text the first is lost, as on a GPU."""

import re
import struct
import sys

from kernels.emulator import machine as m

_SPECIFIER = re.compile(r"%([-+ #0]*)(\d*)((?:\.\d+)?)(hh|h|ll|l|j|z|t)?([diouxXcsfFeEgGaAp%])")


def write_prints(machine: m.Machine) -> None:
    """Write what a launch has printed to standard output."""
    count = int(machine.state[m.PRINTED])
    if count > m.PRINTS:
        sys.stdout.write(f"[the first {count - m.PRINTS:,} prints are lost: a launch keeps {m.PRINTS:,}]\n")
    for i in range(max(count - m.PRINTS, 0), count):
        noted = machine.printed[i % m.PRINTS]
        sys.stdout.write(_formatted(machine, _string(machine, int(noted[0])), noted[1:].tobytes()))
    if count:
        sys.stdout.flush()


def _string(machine: m.Machine, address: int) -> str:
    """Return the text at an address of a module's variable, up to its 0."""
    slot, offset = address >> 32, (address & 0xFFFFFFFF) - m.HALF
    if not m.FIRST_BUFFER <= slot < len(machine.slots):
        return f"(no text at {address:#x})"
    start = machine.slots[slot, m.START]
    data = machine.bytes[start + offset : start + machine.slots[slot, m.SIZE]].tobytes()
    return data.split(b"\0")[0].decode("utf-8", "replace")


def _formatted(machine: m.Machine, text: str, data: bytes) -> str:
    """Return what C's printf makes of a format and its arguments, each at a multiple of its size."""
    at = 0

    def take(kind: str) -> int | float:
        nonlocal at
        size = struct.calcsize(kind)
        at = -(-at // size) * size + size
        return struct.unpack(kind, data[at - size : at])[0]

    def one(found: re.Match) -> str:
        flags, width, digits, length, what = found.groups()
        if what == "%":
            return "%"
        if what in "fFeEgGaA":
            value = take("<d")
            return float(value).hex() if what in "aA" else f"%{flags}{width}{digits}{what}" % value
        if what == "s":
            return f"%{flags}{width}{digits}s" % _string(machine, int(take("<Q")))
        if what == "p":
            return f"%{flags}{width}s" % hex(int(take("<Q")))
        if what == "c":
            return f"%{flags}{width}c" % chr(int(take("<I")) & 255)
        long = length in ("ll", "l", "j", "z", "t")
        kind = ("<q" if long else "<i") if what in "di" else ("<Q" if long else "<I")
        return f"%{flags}{width}{digits}{'d' if what == 'u' else what}" % take(kind)

    return _SPECIFIER.sub(one, text)
