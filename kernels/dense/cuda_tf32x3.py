"""Tensor cores near float32's accuracy: a factor is the sum of two TF32 numbers, a term three of their products.

Bounds: kernels/cuda/bounds.py; infinite numbers give NaN. `kernels/cuda/tensor_core.py` has the tile's product.
"""

from kernels.cuda.opt_in import passes
from kernels.dense import cuda

forward, backward_data, backward_weights = passes(cuda, "tf32x3")
