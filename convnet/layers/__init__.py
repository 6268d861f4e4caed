"""The layers, with Keras's names, arguments and defaults; channels-last."""

from convnet.layers.activations import Activation, Identity, Softmax
from convnet.layers.augmentation import RandomContrast, RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from convnet.layers.base import Layer
from convnet.layers.conv import Conv2D
from convnet.layers.dense import Dense
from convnet.layers.elementwise import ELU, Elementwise, LeakyReLU, ReLU
from convnet.layers.functions import (
    add as add,
)
from convnet.layers.functions import (
    average as average,
)
from convnet.layers.functions import (
    concatenate as concatenate,
)
from convnet.layers.functions import (
    maximum as maximum,
)
from convnet.layers.functions import (
    minimum as minimum,
)
from convnet.layers.functions import (
    multiply as multiply,
)
from convnet.layers.functions import (
    subtract as subtract,
)
from convnet.layers.groups import GroupNormalization, LayerNormalization
from convnet.layers.inputs import Input, InputLayer
from convnet.layers.merging import (
    Add,
    Average,
    Concatenate,
    ConstantArithmetic,
    Divide,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)
from convnet.layers.naming import full_name
from convnet.layers.normalization import BatchNormalization
from convnet.layers.operators import MERGING as _MERGING  # noqa: F401 (a + b on nodes)
from convnet.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from convnet.layers.reduction import Reduce
from convnet.layers.regularization import Dropout, GaussianDropout, GaussianNoise, SpatialDropout2D
from convnet.layers.resampling import Cropping2D, Padding, Resizing, Slicing, UpSampling2D, ZeroPadding2D
from convnet.layers.reshaping import Flatten, Reshape
from convnet.layers.scaling import Normalization, PReLU, Rescaling
from convnet.layers.separable import DepthwiseConv2D, SeparableConv2D
from convnet.layers.signals import AveragePooling1D, Conv1D, GlobalAveragePooling1D, GlobalMaxPooling1D, MaxPooling1D
from convnet.layers.transposed import Conv2DTranspose

BUILT_IN: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (
        Conv2D,
        Conv2DTranspose,
        DepthwiseConv2D,
        SeparableConv2D,
        Conv1D,
        MaxPooling1D,
        AveragePooling1D,
        GlobalAveragePooling1D,
        GlobalMaxPooling1D,
        MaxPooling2D,
        AveragePooling2D,
        GlobalAveragePooling2D,
        GlobalMaxPooling2D,
        Flatten,
        Reshape,
        Dense,
        Activation,
        Softmax,
        Identity,
        ReLU,
        LeakyReLU,
        ELU,
        Elementwise,
        PReLU,
        Rescaling,
        Normalization,
        Reduce,
        Dropout,
        SpatialDropout2D,
        GaussianNoise,
        GaussianDropout,
        RandomFlip,
        RandomRotation,
        RandomTranslation,
        RandomZoom,
        RandomContrast,
        BatchNormalization,
        LayerNormalization,
        GroupNormalization,
        Add,
        Divide,
        Subtract,
        Multiply,
        Average,
        Maximum,
        Minimum,
        Concatenate,
        ConstantArithmetic,
        ZeroPadding2D,
        Cropping2D,
        UpSampling2D,
        Resizing,
        Padding,
        Slicing,
        InputLayer,
    )
}

_FUNCTIONS = ["add", "average", "concatenate", "maximum", "minimum", "multiply", "subtract"]
__all__ = [*BUILT_IN, *_FUNCTIONS, "Input", "Layer"]


def __getattr__(name: str) -> type:
    if name.startswith("_"):
        raise AttributeError(name)
    if full_name(name) in BUILT_IN:
        return BUILT_IN[full_name(name)]
    raise AttributeError(
        f"convnet.layers has no {name!r} (Keras may have it, this engine does not); it has {', '.join(BUILT_IN)}"
    )
