"""A map goes back to the file's own pixels: coordinates sent through the pipeline come back as themselves."""

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convnet.data import dicom
from convnet.data.dicom.geometry import geometry
from convnet.data.preparation import Preparation

ORIENTATIONS = [
    None,
    [1, 0, 0, 0, 1, 0],
    [-1, 0, 0, 0, -1, 0],
    [0, 1, 0, 1, 0, 0],
    [0, 0, -1, 0, 1, 0],
    [0, 0, 1, -1, 0, 0],
]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(12, 60),
    columns=st.integers(12, 60),
    size=st.integers(16, 50),
    aspect=st.sampled_from(["pad", "crop", "stretch"]),
    spacing=st.sampled_from([None, [1, 1], [2, 1], [0.5, 0.8]]),
    orientation=st.sampled_from(ORIENTATIONS),
    axis=st.sampled_from([0, 1]),
)
def test_a_ramp_comes_back_as_itself(make, rows, columns, size, aspect, spacing, orientation, axis):
    n = (rows, columns)[axis]
    ramp = np.broadcast_to(
        np.linspace(0, 60000, n)[:, None] if axis == 0 else np.linspace(0, 60000, n), (rows, columns)
    )
    stated = {"PixelSpacing": spacing, "ImageOrientationPatient": orientation}
    path = make(
        np.rint(ramp).astype(np.uint16), WindowCenter=30000, WindowWidth=60000, VOILUTFunction="LINEAR_EXACT",
        **{k: v for k, v in stated.items() if v is not None},
    )  # fmt: skip
    image = dicom.read_images(path, size, aspect)[0]
    found = geometry(pydicom.dcmread(path), path, 0, Preparation(size, aspect))
    back = found.back(image)
    assert back.shape == (rows, columns)
    where = found.seen()
    assert where.mean() > (0.1 if aspect == "crop" else 0.999)
    # anti-aliasing repeats the image's edge and flattens the ramp there; black padding reaches in by one pixel
    middle = [slice(side // 3, side - side // 3) for side in (rows, columns)]
    error = np.abs(back - ramp / 60000)[*middle][where[*middle]]
    assert error.size > 0
    assert error.max() < 0.02


def test_a_single_bright_pixel_comes_back_where_it_was(make):
    pixels = np.zeros((40, 20), np.uint8)
    pixels[31, 4] = 255
    for orientation in ORIENTATIONS:
        header = {} if orientation is None else {"ImageOrientationPatient": orientation}
        path = make(pixels, **header)
        found = geometry(pydicom.dcmread(path), path, 0, Preparation(40))
        back = found.back(dicom.read_images(path, 40)[0])
        assert np.unravel_index(np.nanargmax(back), back.shape) == (31, 4)


def test_what_was_cut_off_was_not_seen(make):
    path = make(np.zeros((10, 30), np.uint8))
    seen = geometry(pydicom.dcmread(path), path, 0, Preparation(10, "crop")).seen()
    assert seen[:, 10:20].all()
    assert not seen[:, :10].any()
    assert not seen[:, 20:].any()
    assert geometry(pydicom.dcmread(path), path, 0, Preparation(10)).seen().all()


def test_a_map_of_another_size_is_refused(make):
    path = make(np.zeros((10, 30), np.uint8))
    with pytest.raises(ValueError, match="expects a map of"):
        geometry(pydicom.dcmread(path), path, 0, Preparation(10)).back(np.zeros((9, 10)))
