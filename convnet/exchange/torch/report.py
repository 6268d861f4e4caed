"""What was read from a file of PyTorch's, and how: for a person to look over."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Match:
    """One array: its name there, the parameter's name here, both shapes, and what was done to it."""

    theirs: str
    ours: str
    their_shape: tuple[int, ...]
    shape: tuple[int, ...]
    change: str = ""


@dataclass
class Report:
    """The arrays that were copied, those that nothing here takes, and what a file of parameters cannot say.

    by        the rule that matched modules and layers: "names", "paths", "order" or "shapes"
    matched   one entry an array
    unused    names of arrays that are no parameters here
    notes     settings that the file does not hold and that must be equal on both sides
    """

    by: str
    matched: list[Match] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{len(self.matched)} arrays, matched by {self.by}:"]
        width = max((len(m.theirs) for m in self.matched), default=0)
        for m in self.matched:
            change = f"  ({m.change})" if m.change else ""
            lines.append(f"  {m.theirs:{width}}  {m.their_shape} -> {m.ours} {m.shape}{change}")
        if self.unused:
            lines.append(f"Not used: {', '.join(self.unused)}")
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])
