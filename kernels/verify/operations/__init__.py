"""How to make problems for each operation of the registry, and how far its results may be off: one class each."""

from kernels.verify.operations.batchnorm import BatchNorm
from kernels.verify.operations.conv2d import Conv2D
from kernels.verify.operations.conv2dtranspose import Conv2DTranspose
from kernels.verify.operations.convpool import ConvPool
from kernels.verify.operations.dense import Dense
from kernels.verify.operations.elementwise import Add, Dropout, Relu, Sigmoid
from kernels.verify.operations.fixed import Fixed, FixedDepthwise, FixedWinograd
from kernels.verify.operations.groupnorm import GroupNorm
from kernels.verify.operations.levels import ConvLevels, ConvPoolLevels, DenseLevels
from kernels.verify.operations.levels_elementwise import AddLevels, Quantize, ReluLevels
from kernels.verify.operations.levels_pooling import AvgLevels, GlobalAvgLevels, MaxLevels
from kernels.verify.operations.losses import CrossEntropy, Mse
from kernels.verify.operations.more_updates import Adagrad, Lion, Nadam
from kernels.verify.operations.pooling import AvgPool, GlobalAvgPool, MaxPool
from kernels.verify.operations.rearranged import Arithmetic, Concatenate, Resample
from kernels.verify.operations.softmax import Softmax
from kernels.verify.operations.unary import Unary
from kernels.verify.operations.updates import Adam, RmsProp, Sgd
from kernels.verify.problem import Operation

CLASSES = (
    *(Conv2D, Conv2DTranspose, ConvPool, MaxPool, AvgPool, GlobalAvgPool, Dense, BatchNorm, GroupNorm, Add),
    *(Arithmetic, Concatenate, Resample),
    *(Sigmoid, Relu, Unary, Softmax, Mse, CrossEntropy, Dropout, Sgd, RmsProp, Adam, Adagrad, Nadam, Lion),
)
INFERENCE = (
    *(Fixed, FixedDepthwise, FixedWinograd),
    *(ConvLevels, ConvPoolLevels, DenseLevels, MaxLevels, AvgLevels, GlobalAvgLevels, AddLevels, ReluLevels, Quantize),
)


def load_operations() -> dict[str, Operation]:
    """Return every operation of the registry, by name."""
    return {c.name: c() for c in CLASSES}


def load_all() -> dict[str, Operation]:
    """Return these, and what only inference has: weights that are laid out once, and 8-bit levels."""
    return load_operations() | {c.name: c() for c in INFERENCE}
