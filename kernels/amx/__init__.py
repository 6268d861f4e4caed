"""The matrix unit of Intel's processors (AMX): float32 products from bfloat16 tiles. kernels/conv2d/README.md explains.

The instructions (instructions.py), an exact model of them for tests on any processor (model.py), what a processor and
its system must have (processor.py), a float32 as three bfloat16 numbers (split.py), and the sum of a block (sums.py).
"""
