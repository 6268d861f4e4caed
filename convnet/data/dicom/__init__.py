"""DICOM files as images: decode, modality, window, inversion, grey, orientation, square, size, [0, 1]."""

from convnet.data.dicom.pipeline import (
    Step,
    Window,
    check_arguments,
    describe,
    each_frame,
    last,
    read_images,
    sound,
    stages,
    steps,
)
from convnet.data.errors import DicomError

__all__ = [
    "DicomError",
    "Step",
    "Window",
    "check_arguments",
    "describe",
    "each_frame",
    "last",
    "read_images",
    "sound",
    "stages",
    "steps",
]
