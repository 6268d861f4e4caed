"""Small DICOM files made to measure, and the real ones that pydicom brings along."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import CTImageStorage, MRImageStorage

from convnet.data.cohort.write import new_image


@pytest.fixture
def make(tmp_path):
    """make(pixels, Keyword=value, ...) -> the path of a DICOM file with those pixels and header values."""

    def make_file(pixels, name="image.dcm", patient="SYNTH-1", syntax=None, **header):
        pixels = np.asarray(pixels)
        first = pixels if pixels.ndim == 2 else pixels[0]
        plain = np.zeros(first.shape[:2], np.uint8)
        uid = CTImageStorage if header.get("Modality") == "CT" else MRImageStorage
        ds = new_image(uid, plain, patient, name, header.pop("Modality", "MR"))
        ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = int(pixels.dtype.kind == "i")
        data = pixels.tobytes()
        ds.PixelData = data + b"\0" * (len(data) % 2)
        ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
        for keyword, value in header.items():
            setattr(ds, keyword, value)
        if "BitsStored" in header:
            ds.HighBit = header["BitsStored"] - 1
        if syntax is not None:
            ds.file_meta.TransferSyntaxUID = syntax
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ds.save_as(path, enforce_file_format=True)
        return path

    return make_file


@pytest.fixture
def real():
    """The folder of real files in pydicom's wheel."""
    import pydicom.data

    return Path(pydicom.data.__file__).parent / "test_files"


@pytest.fixture
def breastmnist():
    """780 real ultrasound images, kept beside the repository and not in it."""
    path = Path(__file__).resolve().parents[3] / "shared" / "data" / "breastmnist.npz"
    if not path.exists():
        pytest.skip(f"BreastMNIST is not at {path}")
    return path
