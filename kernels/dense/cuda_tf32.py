"""Tensor cores with one product of TF32 numbers a term: eight times the rate of float32, for 11 bits of 24.

Each factor is rounded to 11 significant bits, so a term is off by up to 2**-10 of itself, whatever the sum's length:
what cuDNN calls TF32. Bounds: kernels/cuda/bounds.py. `kernels/cuda/tensor_core.py` has the tile's product.
"""

from kernels.cuda.opt_in import passes
from kernels.dense import cuda

forward, backward_data, backward_weights = passes(cuda, "tf32")
