"""Proof that every kernel is its formula, for anybody to run: `convnet verify`, or here `verify.run()`.

For each operation, pass, variant and dtype: small integers agree bit for bit with the formula, other numbers lie within
the rounding bound, gradients are adjoints and central differences, and the bits are the same when run twice and with
any number of threads. What fails is shrunk to the smallest problem that still fails.
"""

from kernels.verify.outcome import Failure, Outcome, Row
from kernels.verify.verifier import run

__all__ = ["Failure", "Outcome", "Row", "run"]
