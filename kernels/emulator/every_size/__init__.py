"""What is true of a kernel at every size of its arrays, shown by an SMT solver from the kernel's PTX.

`paths` follows every way through the code with symbols in place of sizes and of the thread's number; `proof` asks the
solver whether any access of any of them can be wrong.
"""
