"""Layers of every kind with random weights, whose numbers are taken apart."""

import numpy as np

from convnet import layers
from kernels.unary.functions import FUNCTIONS

SHAPE = (7, 6, 4)

LAYERS = {
    "conv2dtranspose": (layers.Conv2DTranspose, {"filters": 3, "kernel_size": (3, 2), "strides": 2}),
    "conv2dtranspose same": (
        layers.Conv2DTranspose,
        {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2},
    ),
    "maxpool ceil": (layers.MaxPooling2D, {"pool_size": 3, "strides": 2, "ceil_mode": True}),
    "conv2d": (layers.Conv2D, {"filters": 3, "kernel_size": (3, 2)}),
    "conv2d strided, same": (layers.Conv2D, {"filters": 4, "kernel_size": 3, "strides": (2, 1), "padding": "same"}),
    "conv2d grouped, dilated": (layers.Conv2D, {"filters": 4, "kernel_size": 2, "dilation_rate": (2, 3), "groups": 2}),
    "conv2d no bias, relu": (layers.Conv2D, {"filters": 3, "kernel_size": 3, "use_bias": False, "activation": "relu"}),
    "conv2d sigmoid": (layers.Conv2D, {"filters": 3, "kernel_size": 3, "activation": "sigmoid"}),
    "conv2d softmax": (layers.Conv2D, {"filters": 5, "kernel_size": 3, "activation": "softmax"}),
    "maxpool": (layers.MaxPooling2D, {"pool_size": (2, 3)}),
    "maxpool overlapping, same": (layers.MaxPooling2D, {"pool_size": 3, "strides": 2, "padding": "same"}),
    "avgpool": (layers.AveragePooling2D, {"pool_size": 2}),
    "avgpool overlapping, same": (layers.AveragePooling2D, {"pool_size": 3, "strides": 2, "padding": "same"}),
    "conv2d padded": (layers.Conv2D, {"filters": 3, "kernel_size": 3, "strides": 2, "padding": ((2, 1), (0, 3))}),
    "maxpool padded": (layers.MaxPooling2D, {"pool_size": 3, "strides": 2, "padding": ((1, 1), (1, 0))}),
    "gap": (layers.GlobalAveragePooling2D, {}),
    "gap keepdims": (layers.GlobalAveragePooling2D, {"keepdims": True}),
    "gmp": (layers.GlobalMaxPooling2D, {}),
    "gmp keepdims": (layers.GlobalMaxPooling2D, {"keepdims": True}),
    "reshape": (layers.Reshape, {"target_shape": (4, -1, 2)}),
    "relu": (layers.Activation, {"activation": "relu"}),
    "sigmoid": (layers.Activation, {"activation": "sigmoid"}),
    "softmax": (layers.Activation, {"activation": "softmax"}),
    "softmax as a layer": (layers.Softmax, {}),
    "identity": (layers.Identity, {}),
    "log softmax": (layers.Activation, {"activation": "log_softmax"}),
    "tanh": (layers.Activation, {"activation": "tanh"}),
    "conv2d silu": (layers.Conv2D, {"filters": 3, "kernel_size": 3, "activation": "silu"}),
    "relu with all settings": (layers.ReLU, {"max_value": 1.5, "negative_slope": 0.25, "threshold": 0.5}),
    "leaky relu": (layers.LeakyReLU, {}),
    "elu": (layers.ELU, {"alpha": 0.5}),
    **{name: (layers.Elementwise, {"kind": name}) for name in FUNCTIONS},
    "layer normalisation": (layers.LayerNormalization, {}),
    "layer normalisation of rows": (layers.LayerNormalization, {"axis": (2, 3)}),
    "group normalisation": (layers.GroupNormalization, {"groups": 2}),
    "instance normalisation": (layers.GroupNormalization, {"groups": -1, "epsilon": 0.1}),
    "prelu": (layers.PReLU, {"alpha_initializer": "he_normal"}),
    "prelu, shared": (layers.PReLU, {"alpha_initializer": "he_normal", "shared_axes": [1, 2]}),
    "rescaling": (layers.Rescaling, {"scale": [0.5, -2.0, 1.5, 3.0], "offset": 0.5}),
    "normalization": (layers.Normalization, {"mean": 0.5, "variance": 2.0}),
    "mean of the channels": (layers.Reduce, {"kind": "mean", "axes": 3, "keepdims": True}),
    "max of the rows": (layers.Reduce, {"kind": "max", "axes": 1}),
    "sum of the image": (layers.Reduce, {"kind": "sum", "axes": [1, 2]}),
    "linear": (layers.Activation, {"activation": "linear"}),
    "batchnorm": (layers.BatchNormalization, {}),
    "dropout": (layers.Dropout, {"rate": 0.5}),
    "spatial dropout": (layers.SpatialDropout2D, {"rate": 0.5}),
    "gaussian noise": (layers.GaussianNoise, {"stddev": 0.5}),
    "gaussian dropout": (layers.GaussianDropout, {"rate": 0.5}),
    "flatten": (layers.Flatten, {}),
    "constant product": (layers.ConstantArithmetic, {"kind": "multiply", "shape": (4,), "learned": True}),
    "constant quotient": (layers.ConstantArithmetic, {"kind": "divide", "shape": (6, 1), "reversed": True}),
    "zero padding": (layers.ZeroPadding2D, {"padding": ((1, 2), (0, 3))}),
    "cropping": (layers.Cropping2D, {"cropping": ((1, 2), (0, 3))}),
    "upsampling": (layers.UpSampling2D, {"size": (2, 3)}),
    "bilinear": (layers.Resizing, {"height": 5, "width": 9}),
    "reflection": (layers.Padding, {"paddings": ((2, 1), (0, 3), (0, 0)), "mode": "reflect"}),
    "slicing": (layers.Slicing, {"slices": ((None, None, -2), None, (1, 3, 1))}),
}


def made(case, dtype):
    """The layer with random weights, and a batch of inputs."""
    rng = np.random.default_rng(1)
    if case.startswith("dense"):
        layer, shape = layers.Dense(6, activation=case.partition(" ")[2] or None, dtype=dtype), (11,)
    else:
        make, settings = LAYERS[case]
        layer, shape = make(**settings, dtype=dtype), SHAPE
    x = rng.standard_normal((2, *shape)).astype(dtype)
    y = layer(x)
    for parameter in layer.parameters:
        parameter.value[...] = rng.uniform(0.2, 2, parameter.value.shape)
        if parameter.name.endswith(("bias", "beta", "mean")):
            parameter.value[...] -= 1
    return layer, x, rng.standard_normal(y.shape).astype(dtype)
