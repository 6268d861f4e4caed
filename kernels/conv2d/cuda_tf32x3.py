"""Tensor cores near float32's accuracy: a factor is the sum of two TF32 numbers, a term three of their products.

Bounds: kernels/cuda/bounds.py; infinite numbers give NaN. `kernels/cuda/tensor_core.py` has the tile's product.
"""

from kernels.conv2d import cuda
from kernels.cuda.opt_in import passes

forward, backward_data, backward_weights = passes(cuda, "tf32x3")
