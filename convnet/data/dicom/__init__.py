"""DICOM files as images: decode, modality, window, inversion, grey, orientation, square, size, [0, 1]."""

from convnet.data.dicom.pipeline import (
    Step,
    describe,
    each_frame,
    last,
    read_images,
    sound,
    stages,
    steps,
)
from convnet.data.errors import DicomError
from convnet.data.preparation import Preparation, Window

__all__ = [
    "DicomError",
    "Preparation",
    "Step",
    "Window",
    "describe",
    "each_frame",
    "last",
    "read_images",
    "sound",
    "stages",
    "steps",
]
