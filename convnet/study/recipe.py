"""How a model is trained: every choice that `convnet train` and `convnet crossvalidate` offer, in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

CHOICES = {
    "network": ("listing", "gap", "formula", "wave"),
    "keep": ("best", "last"),
    "schedule": ("constant", "cosine"),
    "flip": ("auto", "on", "off"),
    "class_weight": ("none", "balanced"),
}


@dataclass(frozen=True)
class Recipe:
    """network, epochs, batch_size, dropout, learning_rate (None: the network's own), weight_decay (AdamW's)
    runs          models trained from seeds seed, seed+1, ...; more than one are joined into an ensemble
    keep          the weights of the epoch that was best on val (stopping after `patience` epochs without a better
                  one), or those of the last epoch
    schedule      of the learning rate: constant, or falling to 0 along half a cosine over `epochs`
    flip          mirror training images left-right: on, off, or auto (`data.mirror`: unless sides carry meaning)
    shift         by up to so many pixels in 28 (a 56 pixel image by up to twice as many)
    rotate        by up to so many degrees
    scale         by a factor of up to 1 + scale, or down to its inverse
    intensity     contrast by a factor 1 +- intensity, brightness by +- intensity
    elastic       smooth random displacements of so many pixels in 28 (root mean square)
    class_weight  balanced: a class's images weigh N / (classes * its number)
    """

    network: str = "listing"
    epochs: int = 150
    batch_size: int = 32
    patience: int = 50
    runs: int = 1
    keep: str = "best"
    dropout: float = 0.5
    learning_rate: float | None = None
    weight_decay: float = 0.0
    schedule: str = "constant"
    flip: str = "auto"
    shift: float = 2.0
    rotate: float = 0.0
    scale: float = 0.0
    intensity: float = 0.0
    elastic: float = 0.0
    class_weight: str = "none"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"train: {name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")
        for name in ("epochs", "batch_size", "patience", "runs"):
            if getattr(self, name) < 1:
                raise ValueError(f"train: {name} must be 1 or more, got {getattr(self, name)}")
        for name in ("weight_decay", "shift", "rotate", "scale", "intensity", "elastic"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"train: {name} must be 0 or more, got {getattr(self, name)}")

    def to_json(self) -> dict[str, Any]:
        """Every choice by its name."""
        return asdict(self)
