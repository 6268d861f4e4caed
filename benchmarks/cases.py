"""All shapes that are measured, in one place, fixed before any tuning.

Convolutions: the listing's layers, layers of DeepBench and of ResNet-50, and shapes that a tuned kernel finds awkward
(1 and 3 channels, odd sizes, stride, dilation, groups, large windows). Batches are cut so that a case stays below
about 1 GFLOP. The other operations go from the listing's sizes to arrays of 64 MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Conv:
    """One convolution: x (N,H,W,C), k (P,Q,C/groups,F); padding is an int or "same", as in kernels.conv2d."""

    name: str
    x: tuple[int, int, int, int]
    k: tuple[int, int, int, int]
    stride: int = 1
    padding: Any = 0
    dilation: int = 1
    groups: int = 1

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of kernels.conv2d."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}


CONV = (
    Conv("listing conv1", (32, 28, 28, 1), (3, 3, 1, 32)),
    Conv("listing conv2", (32, 13, 13, 32), (3, 3, 32, 64)),
    Conv("listing conv1, 1 image", (1, 28, 28, 1), (3, 3, 1, 32)),
    Conv("listing conv2, 1 image", (1, 13, 13, 32), (3, 3, 32, 64)),
    Conv("listing conv2, 64 images", (64, 13, 13, 32), (3, 3, 32, 64)),
    Conv("grey 3x3", (8, 64, 64, 1), (3, 3, 1, 16), padding=1),
    Conv("grey 5x5", (32, 28, 28, 1), (5, 5, 1, 8)),
    Conv("grey 7x7", (4, 64, 64, 1), (7, 7, 1, 32), padding=3),
    Conv("grey 512x512", (1, 512, 512, 1), (3, 3, 1, 16), padding=1),
    Conv("rgb 3x3", (8, 64, 64, 3), (3, 3, 3, 32), padding=1),
    Conv("rgb 5x5", (4, 64, 64, 3), (5, 5, 3, 32), padding=2),
    Conv("odd 3x3, C=24 F=40 W=7", (16, 9, 7, 24), (3, 3, 24, 40)),
    Conv("odd 5x3, C=17 F=33", (4, 31, 29, 17), (5, 3, 17, 33), padding=1),
    Conv("one filter", (8, 32, 32, 16), (3, 3, 16, 1), padding=1),
    Conv("1x1", (8, 28, 28, 64), (1, 1, 64, 128)),
    Conv("1x1, odd", (4, 27, 27, 100), (1, 1, 100, 50)),
    Conv("3x3 same", (4, 32, 32, 64), (3, 3, 64, 64), padding="same"),
    Conv("5x5", (4, 28, 28, 32), (5, 5, 32, 64), padding=2),
    Conv("7x7", (2, 28, 28, 32), (7, 7, 32, 32), padding=3),
    Conv("stride 2", (8, 32, 32, 32), (3, 3, 32, 64), stride=2, padding=1),
    Conv("stride 2, 5x5", (8, 33, 33, 24), (5, 5, 24, 48), stride=2),
    Conv("dilation 2", (4, 32, 32, 32), (3, 3, 32, 32), dilation=2, padding=2),
    Conv("dilation 4", (2, 48, 48, 32), (3, 3, 32, 32), dilation=4, padding=4),
    Conv("groups 4", (4, 28, 28, 64), (3, 3, 16, 64), padding=1, groups=4),
    Conv("depthwise 3x3", (4, 56, 56, 64), (3, 3, 1, 64), padding=1, groups=64),
    Conv("depthwise 5x5, stride 2", (4, 56, 56, 72), (5, 5, 1, 72), stride=2, padding=2, groups=72),
    Conv("ResNet-50 conv1", (1, 224, 224, 3), (7, 7, 3, 64), stride=2, padding=3),
    Conv("ResNet-50 conv2 1x1", (1, 56, 56, 256), (1, 1, 256, 64)),
    Conv("ResNet-50 conv2 3x3", (1, 56, 56, 64), (3, 3, 64, 64), padding=1),
    Conv("ResNet-50 conv3 3x3", (1, 28, 28, 128), (3, 3, 128, 128), padding=1),
    Conv("ResNet-50 conv4 1x1", (2, 14, 14, 1024), (1, 1, 1024, 256)),
    Conv("ResNet-50 conv4 3x3", (2, 14, 14, 256), (3, 3, 256, 256), padding=1),
    Conv("ResNet-50 conv5 3x3", (2, 7, 7, 512), (3, 3, 512, 512), padding=1),
    Conv("ResNet-50 shortcut", (1, 56, 56, 256), (1, 1, 256, 512), stride=2),
    # DeepBench, train and server inference (width x height there); batches reduced
    Conv("DeepBench speech 20x5", (1, 79, 341, 32), (10, 5, 32, 32), stride=2),
    Conv("DeepBench OCR", (4, 48, 48, 16), (3, 3, 16, 32), padding=1),
    Conv("DeepBench faces", (2, 54, 54, 64), (3, 3, 64, 64), padding=1),
    Conv("DeepBench VGG conv1", (1, 224, 224, 3), (3, 3, 3, 64), padding=1),
    Conv("DeepBench VGG conv4", (1, 28, 28, 256), (3, 3, 256, 512), padding=1),
    Conv("DeepBench GoogLeNet 5x5", (8, 14, 14, 48), (5, 5, 48, 128), padding=2),
)

LADDER = tuple(c for c in CONV if c.name in ("listing conv1", "listing conv2", "3x3 same"))
TINY = Conv("tiny", (2, 8, 8, 3), (3, 3, 3, 8), padding=1)


@dataclass(frozen=True)
class Op:
    """Another operation on float32 arrays: x's shape; `filters` of a dense layer, `size` of a pooling window."""

    name: str
    operation: str
    x: tuple[int, ...]
    filters: int = 0
    size: int = 2


_LARGE = (16, 1024, 1024)  # 64 MB
_IMAGES = (16, 128, 128, 64)  # 64 MB
_SMALL_AND_LARGE = (("relu", (32, 26, 26, 32), _LARGE), ("sigmoid", (32, 24, 24, 8), _LARGE))

OPS = (
    *(Op(f"{o}, listing", o, small) for o, small, _ in _SMALL_AND_LARGE),
    *(Op(f"{o}, 64 MB", o, large) for o, _, large in _SMALL_AND_LARGE),
    Op("softmax, listing", "softmax", (32, 10)),
    Op("softmax, 1000 classes", "softmax", (256, 1000)),
    Op("softmax, 64 MB", "softmax", (16384, 1024)),
    *(Op(f"{o}, listing 1st", o, (32, 26, 26, 32)) for o in ("maxpool2d", "avgpool2d")),
    *(Op(f"{o}, listing 2nd", o, (32, 11, 11, 64)) for o in ("maxpool2d", "avgpool2d")),
    *(Op(f"{o}, 64 MB", o, _IMAGES) for o in ("maxpool2d", "avgpool2d")),
    Op("dense, listing 1st", "dense", (32, 1600), 128),
    Op("dense, listing 2nd", "dense", (32, 128), 10),
    Op("dense, one image", "dense", (1, 1600), 128),
    Op("dense, 512x512x512", "dense", (512, 512), 512),
    Op("batchnorm, small", "batchnorm", (32, 13, 13, 32)),
    Op("batchnorm, 64 MB", "batchnorm", _IMAGES),
    Op("mse, listing", "mse", (32, 10)),
    Op("mse, 64 MB", "mse", _LARGE),
    Op("crossentropy, listing", "crossentropy", (32, 10)),
    Op("crossentropy, 1000 classes", "crossentropy", (4096, 1000)),
    *(Op(f"{o}, listing's weights", o, (225_034,)) for o in ("adam", "rmsprop", "sgd")),
    *(Op(f"{o}, 64 MB", o, _LARGE) for o in ("adam", "rmsprop", "sgd")),
)

LADDER_OPS = tuple(
    c
    for c in OPS
    if c.name in ("maxpool2d, listing 1st", "maxpool2d, 64 MB", "dense, listing 1st", "dense, 512x512x512")
)


def chosen(cases: tuple, only: str | None) -> tuple:
    """The cases whose name contains `only` (any case); ValueError lists the names if there is none."""
    found = tuple(c for c in (*cases, TINY) if only.lower() in c.name.lower()) if only else cases
    if not found:
        raise ValueError(f"no case is called like {only!r}; there is: {', '.join(c.name for c in cases)}")
    return found
