"""Trained models in 8 bits: a quarter of the bytes, whole-number sums; kernels/int8/README.md explains."""

from convnet.quantization.quantize import quantize

__all__ = ["quantize"]
