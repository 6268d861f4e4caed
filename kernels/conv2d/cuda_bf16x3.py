"""Tensor cores near float32's accuracy: a factor is the sum of three bfloat16 numbers, a term six of their products.

A product in bfloat16 takes half the time of one in TF32, so twice as many cost the same as `cuda_tf32x3`.
Bounds: kernels/cuda/bounds.py; infinite numbers give NaN. `kernels/cuda/tensor_core.py` has the tile's product.
"""

from kernels.conv2d import cuda
from kernels.cuda.opt_in import passes

forward, backward_data, backward_weights = passes(cuda, "bf16x3")
