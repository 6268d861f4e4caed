"""Compiled kernels run in another arithmetic than floating point: the instructions stay, the numbers change.

What a kernel does with numbers is additions and multiplications, in an order that only shapes decide. So the same
instructions can be run on other numbers (`arithmetic`): in a finite field, where a polynomial identity is decided by a
few random values; or on degrees, sizes and counts of roundings, which bound what the first run leaves open.
`rewrite` exchanges the arithmetic in the text of LLVM's language that Numba has optimised; `cpu` compiles and runs it.
The emulator does the same with PTX (kernels/emulator/algebra.py).
"""
