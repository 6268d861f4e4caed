"""What was found: a row for each pass of each variant in each dtype."""

from dataclasses import dataclass, field

from kernels.verify.every_input import EveryInput
from kernels.verify.paths_kept import Count
from kernels.verify.problem import Problem


@dataclass(frozen=True)
class Failure:
    """One property that does not hold, with the smallest problem that shows it."""

    property: str
    message: str
    problem: Problem | None = None
    expected: float | None = None
    actual: float | None = None


@dataclass
class Row:
    """What was found of one pass of one variant in one dtype. property -> number of problems it held on."""

    operation: str
    variant: str
    name: str
    dtype: str
    held: dict[str, int] = field(default_factory=dict)
    oracles: set[str] = field(default_factory=set)
    fraction: float = 0.0
    ulp: float | None = None  # None: measured nowhere
    failures: list[Failure] = field(default_factory=list)
    large: bool = True

    @property
    def key(self) -> str:
        """The row's name across processes: operation, variant, pass and dtype."""
        return f"{self.operation} {self.variant} {self.name} {self.dtype}"


@dataclass(frozen=True)
class Outcome:
    """All rows of one verification."""

    rows: list[Row]
    seconds: float
    quick: bool
    target: str = "cpu"
    every_input: tuple[EveryInput, ...] = ()
    counts: tuple[Count, ...] = ()  # of the lines that the problems reach
    uncounted: tuple[str, ...] = ()  # operations without a count of today's kernels

    @property
    def ok(self) -> bool:
        """Whether every property held, no kernel is another polynomial, and no line is known to be unreached."""
        held = not any(row.failures for row in self.rows) and not any(found.wrong for found in self.every_input)
        return bool(self.rows) and held and not any(c.open for c in self.counts)
