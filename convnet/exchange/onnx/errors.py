"""What is said about an ONNX file that cannot be read, and about a node that cannot be converted."""

from __future__ import annotations


class OnnxError(ValueError):
    """An ONNX file that is missing, damaged, beyond the limits, or of an operator that is not supported."""
