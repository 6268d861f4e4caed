"""Damage to bytes that knows nothing of what they mean."""

from __future__ import annotations

import random

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
MOST = 2**20  # bytes of a mutated file


def mutated(data: bytes, chance: random.Random, other: bytes = b"") -> bytes:
    """1 to 16 changes, most of them near the front, where headers are."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8, 16))):
        if not out:
            return bytes(out)
        at = chance.randrange(len(out)) if chance.random() < 0.4 else chance.randrange(min(len(out), 2048))
        chance.choice((flip, number, insert, remove, repeat, cut, splice))(out, at, chance, other)
    return bytes(out[:MOST])


def flip(out: bytearray, at: int, chance: random.Random, other: bytes) -> None:
    out[at] ^= 1 << chance.randrange(8)


def number(out: bytearray, at: int, chance: random.Random, other: bytes) -> None:
    """A length or a count that lies, in either byte order."""
    width = chance.choice((1, 2, 4, 8))
    value = chance.choice(EXTREMES) & (256**width - 1)
    out[at : at + width] = value.to_bytes(width, chance.choice(("little", "big")))


def insert(out: bytearray, at: int, chance: random.Random, other: bytes) -> None:
    out[at:at] = chance.randbytes(chance.choice((1, 2, 8, 64)))


def remove(out: bytearray, at: int, chance: random.Random, other: bytes) -> None:
    del out[at : at + chance.choice((1, 2, 8, 64))]


def repeat(out: bytearray, at: int, chance: random.Random, other: bytes) -> None:
    piece = out[at : at + chance.choice((2, 8, 64, 512))]
    out[at:at] = piece * chance.choice((1, 2, 50))


def cut(out: bytearray, at: int, chance: random.Random, other: bytes) -> None:
    if chance.random() < 0.3:
        del out[at:]


def splice(out: bytearray, at: int, chance: random.Random, other: bytes) -> None:
    """A piece of another file."""
    if other:
        start = chance.randrange(len(other))
        out[at : at + 64] = other[start : start + chance.choice((8, 64, 512))]
