"""Data that come batch by batch: from generators, sequences, and the loaders of other libraries."""

from convnet.feeding.sources import is_source
from convnet.feeding.stream import Stream

__all__ = ["Stream", "is_source"]
