"""What the static report runs on the emulator: for each operation a few geometries, as `kernels/verify` names them.

Small enough for the emulator, with several blocks; the usual case first. Kernels are found by running them: every CUDA
variant of the registry, every pass, every geometry.
"""

from __future__ import annotations

from kernels.unary.functions import FUNCTIONS
from kernels.verify.operations import load_operations
from kernels.verify.operations.conv2d import make_geometry as conv
from kernels.verify.operations.convpool import make_geometry as fused
from kernels.verify.operations.pooling import make_geometry as pool

SAME = (1, 1, 1, 1)

# operation -> {what the case is called: geometry}
CASES: dict[str, dict[str, dict[str, int]]] = {
    "conv2d": {
        "64 channels 3x3": conv((1, 16, 16, 64), (3, 3, 64, 64), pad=SAME),
        "128 filters 1x1": conv((1, 16, 16, 64), (1, 1, 64, 128)),
        "grey 3x3": conv((1, 28, 28, 1), (3, 3, 1, 32)),
    },
    **{
        name: {"the first large shape of verify": load_operations()[name].large[0]}
        for name in ("arithmetic", "concatenate", "resample", "conv2dtranspose")
    },
    "convpool": {
        "64 channels 3x3": fused((1, 18, 18, 64), (3, 3, 64, 64)),
        "grey 3x3": fused((1, 28, 28, 1), (3, 3, 1, 32)),
    },
    "dense": {"256 to 128": {"N": 128, "C": 256, "F": 128}},
    "maxpool2d": {
        "2x2": pool((1, 24, 24, 64), (2, 2), (2, 2)),
        "3x3, stride 2": pool((1, 23, 23, 64), (3, 3), (2, 2)),
    },
    "avgpool2d": {
        "2x2": pool((1, 24, 24, 64), (2, 2), (2, 2)),
        "3x3, stride 2": pool((1, 23, 23, 64), (3, 3), (2, 2)),
    },
    "globalavgpool": {"16x16x64": {"N": 4, "H": 16, "W": 16, "C": 64}},
    "batchnorm": {"64 channels": {"M": 1024, "C": 64}},
    "groupnorm": {"4 groups of 16": {"N": 4, "P": 256, "G": 4, "D": 16}},
    "add": {"16384": {"M": 16384}},
    "sigmoid": {"16384": {"M": 16384}},
    "relu": {"16384": {"M": 16384}},
    "unary": {
        name: {"M": 16384, "function": i}
        for i, name in enumerate(FUNCTIONS)
        if name in ("tanh", "rectify", "gelu", "silu")
    },
    "softmax": {"256 rows of 64": {"M": 256, "K": 64}},
    "mse": {"16384": {"N": 4096, "K": 4, "weighted": 0}},
    "crossentropy": {
        f"{name}, {what}": {"N": 512, "K": 10, "kind": kind, "logits": logits, "weighted": 0}
        for kind, name in enumerate(("sparse", "categorical", "binary"))
        for logits, what in enumerate(("probabilities", "logits"))
    },
    "dropout": {"16384": {"M": 16384}},
    "sgd": {"plain": {"M": 16384, "mode": 1}, "Nesterov": {"M": 16384, "mode": 3}},
    "rmsprop": {"plain": {"M": 16384, "mode": 0}, "centered, momentum": {"M": 16384, "mode": 3}},
    "adam": {"16384": {"M": 16384, "mode": 0}},
    "nadam": {"16384": {"M": 16384, "mode": 0}},
    "adagrad": {"16384": {"M": 16384, "mode": 0}},
    "lion": {"16384": {"M": 16384, "mode": 0}},
}
