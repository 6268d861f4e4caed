"""Grey values and orientation against highdicom's transforms, over pydicom's files and ones made to measure."""

from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.pixels import apply_rescale, apply_windowing

from convnet.data import dicom
from convnet.data.dicom.orientation import Turn

highdicom = pytest.importorskip("highdicom", reason="highdicom is in the extra [clinical]")

ROOT = Path(pydicom.data.__file__).parent / "test_files"


def theirs(path, frame=0, **options):
    """What highdicom makes of a frame: modality, window or table, presentation; [0, 1]."""
    image = highdicom.imread(path)
    return image.get_frame(frame + 1, apply_icc_profile=False, **{"apply_voi_transform": True, **options})


def grey(path, frame=0):
    """What we show of a frame before its geometry changes, padding apart."""
    found = {step.name: step.array for step in dicom.steps(path, None, frame=frame)}
    return found.get("invert", found["window"])


WINDOWED = [
    *("693_J2KI.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "J2K_pixelrep_mismatch.dcm"),
    *("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "examples_overlay.dcm"),
    *(
        str(p.relative_to(ROOT))
        for n in ("77654033", "98892001", "98892003")
        for p in (ROOT / "dicomdirtests" / n).rglob("*")
    ),
]


@pytest.mark.parametrize("name", [n for n in WINDOWED if (ROOT / n).is_file()])
def test_a_windowed_real_file_is_shown_as_highdicom_or_pydicom_show_it(name):
    ds = pydicom.dcmread(ROOT / name)
    if ds.get("RescaleSlope", 1) == 1:
        expected = theirs(ROOT / name)
    else:  # highdicom moves the window to stored values, where LINEAR's offsets of 1/2 and 1 are no longer that long
        ds.PhotometricInterpretation, flipped = "MONOCHROME2", ds.PhotometricInterpretation == "MONOCHROME1"
        windowed = apply_windowing(apply_rescale(ds.pixel_array, ds), ds)
        low, high = (apply_rescale(np.array(v), ds) for v in (0, 2**ds.BitsStored - 1))
        expected = (windowed - low) / (high - low)
        expected = 1 - expected if flipped else expected
    np.testing.assert_allclose(grey(ROOT / name), expected, atol=2e-13)


@pytest.mark.parametrize("name", ["CT_small.dcm", "rtdose.dcm", "dicomdirtests/98892001/CT5N/2062", "JPEG2000.dcm"])
def test_modality_values_of_a_real_file_are_highdicoms(name):
    path = ROOT / name
    got = next(s.array for s in dicom.steps(path, None) if s.name == "modality")
    expected = theirs(path, apply_voi_transform=False, apply_modality_transform=None)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", ["examples_palette.dcm"])
def test_the_palette_of_a_real_file_is_highdicoms(name):
    got = next(s.array for s in dicom.steps(ROOT / name, None) if s.name == "palette")
    np.testing.assert_array_equal(got, theirs(ROOT / name, apply_voi_transform=False, dtype=np.uint16))


def lut(entries, first, bits, signed=False):
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [len(entries) % 2**16, first, bits], list(entries)
    item["LUTDescriptor"].VR, item["LUTData"].VR = "SS" if signed else "US", "US"
    item.ModalityLUTType = "US"
    return item


numbers = st.floats(-500, 500, allow_nan=False).map(lambda v: round(v, 2))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    dtype=st.sampled_from(["u1", "i2", "u2"]),
    photometric=st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
    shape=st.sampled_from([None, "IDENTITY", "INVERSE"]),
    slope=st.sampled_from([None, 0.5, 1, 2.25]),
    intercept=st.sampled_from([None, -1024, 3.5]),
    center=numbers,
    width=st.floats(1.5, 900).map(lambda v: round(v, 2)),
    function=st.sampled_from([None, "LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    seed=st.integers(0, 99),
)
def test_rescale_window_and_presentation_are_highdicoms(
    make, dtype, photometric, shape, slope, intercept, center, width, function, seed
):
    if function in (None, "LINEAR"):
        slope = None if slope is None else 1
    info = np.iinfo(dtype)
    pixels = np.random.default_rng(seed).integers(max(info.min, -900), min(info.max, 900), (6, 5)).astype(dtype)
    stated = {
        "PresentationLUTShape": shape,
        "RescaleSlope": slope,
        "RescaleIntercept": intercept,
        "VOILUTFunction": function,
    }
    header = {k: v for k, v in stated.items() if v is not None}
    if ("RescaleSlope" in header) != ("RescaleIntercept" in header):
        header |= {"RescaleSlope": slope or 1, "RescaleIntercept": intercept or 0}
    path = make(pixels, PhotometricInterpretation=photometric, WindowCenter=center, WindowWidth=width, **header)
    np.testing.assert_allclose(grey(path), theirs(path), atol=1e-12)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("first", [0, 40, -30])
def test_a_voi_table_is_highdicoms(make, photometric, first):
    entries = np.sort(np.random.default_rng(1).integers(0, 65536, 120)).tolist()
    entries[0], entries[-1] = 0, 65535  # highdicom scales by the entries, we by the bits
    pixels = np.arange(-100, 200, dtype=np.int16).reshape(15, 20)
    item = lut(entries, first, 16, signed=True)
    path = make(pixels, PhotometricInterpretation=photometric, VOILUTSequence=[item])
    np.testing.assert_allclose(grey(path), theirs(path), atol=1e-12)


def test_a_modality_table_with_a_window_is_highdicoms(make):
    item = lut(np.random.default_rng(1).integers(0, 1000, 256).tolist(), 0, 16)
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = make(pixels, ModalityLUTSequence=[item], WindowCenter=400, WindowWidth=333)
    np.testing.assert_allclose(grey(path), theirs(path), atol=1e-12)


def enhanced(make, frames=3):
    """An enhanced MR file whose frames differ in rescale, window and function."""

    def group(n):
        rescale, window, plane, item = Dataset(), Dataset(), Dataset(), Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = n + 1, -10 * n, "US"
        window.WindowCenter, window.WindowWidth = 100 + 20 * n, 150 + n
        window.VOILUTFunction = ("LINEAR_EXACT", "SIGMOID", "LINEAR_EXACT")[n % 3]
        plane.ImageOrientationPatient = [[1, 0, 0, 0, 1, 0], [-1, 0, 0, 0, -1, 0], [0, 1, 0, 0, 0, -1]][n % 3]
        item.PixelValueTransformationSequence, item.FrameVOILUTSequence = [rescale], [window]
        item.PlaneOrientationSequence = [plane]
        return item

    shared, measures = Dataset(), Dataset()
    measures.PixelSpacing = [1, 1]
    shared.PixelMeasuresSequence = [measures]
    pixels = np.random.default_rng(3).integers(0, 300, (frames, 4, 6)).astype(np.uint16)
    return make(
        pixels,
        NumberOfFrames=frames,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[group(n) for n in range(frames)],
        SOPClassUID=pydicom.uid.EnhancedMRImageStorage,
    )


def test_each_frame_of_an_enhanced_file_is_shown_as_highdicom_shows_it(make):
    path = enhanced(make)
    for frame in range(3):
        np.testing.assert_allclose(grey(path, frame), theirs(path, frame), atol=1e-12)
    turned = [next((s.what for s in dicom.steps(path, None, frame=n) if s.name == "orient"), None) for n in range(3)]
    assert turned == [None, "rows ran to R and columns to A, now to L and P", None]


UNITS = [np.eye(3)[a] * s for a in range(3) for s in (1, -1)]
PAIRS = [(a, b) for a in UNITS for b in UNITS if abs(a @ b) == 0]
SHOWN = {2: "PLH", 1: "FLP", 0: "FPL"}  # by the axis that the slice is seen along: (down, along a row, any)


@pytest.mark.parametrize(("row", "column"), PAIRS, ids=lambda v: "".join(str(int(c)) for c in v))
@pytest.mark.parametrize("tilt", [0, 20])
def test_every_orientation_is_turned_as_highdicom_turns_a_volume(make, row, column, tilt):
    # turned about the row's direction: a tilted gantry
    normal = np.cross(row, column)
    tilted = np.cos(np.deg2rad(tilt)) * column + np.sin(np.deg2rad(tilt)) * normal
    cosines = [round(float(v), 9) for v in (*row, *tilted)]
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = make(pixels, ImageOrientationPatient=cosines)
    got = dicom.read_images(path, None)[0]
    volume = highdicom.Volume.from_attributes(
        array=pixels[None], image_position=[0, 0, 0], image_orientation=cosines,
        pixel_spacing=[1, 1], spacing_between_slices=1, coordinate_system="PATIENT",
    )  # fmt: skip
    through = int(np.abs(normal).argmax())
    down, along, _ = SHOWN[through]
    letters = [v.value for v in volume.get_closest_patient_orientation()]
    depth = letters[0]  # keep the slice's own direction
    turned = volume.to_patient_orientation(depth + down + along).array[0]
    np.testing.assert_array_equal(got, (turned / 255).astype(np.float32))


@pytest.mark.parametrize(
    ("modality", "stated", "expected"),
    [
        ("CR", ["L", "F"], lambda a: a),
        ("DX", ["R", "F"], lambda a: a[:, ::-1]),
        ("DX", ["F", "L"], lambda a: a.T),
        ("CR", ["H", "R"], lambda a: a.T[::-1, ::-1]),
        ("DX", ["AR", "FP"], lambda a: a[:, ::-1]),
        ("MG", ["A", "F"], lambda a: a),
        ("US", ["R", "F"], lambda a: a),
        ("DX", ["L", "R"], lambda a: a),
        ("DX", "", lambda a: a),
        ("DX", ["?", "F"], lambda a: a),
    ],
)
def test_a_projection_is_turned_by_its_letters_and_a_mammogram_is_not(make, modality, stated, expected):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = make(pixels, Modality=modality, PatientOrientation=stated)
    np.testing.assert_array_equal(dicom.read_images(path, None)[0], (expected(pixels) / 255).astype(np.float32))


def test_spacing_turns_with_the_image(make):
    path = make(np.zeros((3, 4), np.uint8), ImageOrientationPatient=[0, 1, 0, 1, 0, 0], PixelSpacing=[1, 2])
    assert dicom.read_images(path, None)[0].shape == (8, 3)  # 3 x 4 of 1 x 2 mm, then exchanged


@given(st.booleans(), st.booleans(), st.booleans())
@example(True, True, False)
def test_undo_undoes_a_turn(transpose, rows, columns):
    image, way = np.arange(6).reshape(2, 3), Turn(transpose, rows, columns)
    np.testing.assert_array_equal(way.undo(way.apply(image)), image)


def test_an_oblique_slice_stays_as_it_is_stored(make):
    path = make(np.zeros((3, 4), np.uint8), ImageOrientationPatient=[-0.743145, -0.669131, 0, 0.669131, -0.743145, 0])
    assert "orient" not in [s.name for s in dicom.steps(path, None)]


def test_a_padding_value_of_the_wrong_sign_is_understood(make):
    pixels = np.array([[-2000, 10, 20, 30]], np.int16)
    path = make(pixels)
    ds = pydicom.dcmread(path)
    ds.add_new("PixelPaddingValue", "US", 63536)
    ds.save_as(path)
    assert pydicom.dcmread(path).PixelPaddingValue == 63536
    np.testing.assert_array_equal(dicom.read_images(path, None)[0], [[0, 0, 0.5, 1]])


@pytest.mark.parametrize(("prefix", "dtype", "bits"), [("Float", "<f4", 32), ("DoubleFloat", "<f8", 64)])
def test_float_padding_is_black_and_out_of_the_range(make, prefix, dtype, bits):
    path = make(np.zeros((1, 4), np.uint16))
    ds = pydicom.dcmread(path)
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.BitsAllocated = bits
    setattr(ds, f"{prefix}PixelData", np.array([-1e6, 1, 2, 3], dtype).tobytes())
    setattr(ds, f"{prefix}PixelPaddingValue", -1e6)
    ds.save_as(path)
    np.testing.assert_array_equal(dicom.read_images(path, None)[0], [[0, 0, 0.5, 1]])


def region(kind=1, units=(3, 3), deltas=(0.01, 0.02)):
    item = Dataset()
    item.RegionSpatialFormat = kind
    item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = deltas
    return item


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ([region()], (0.2, 0.1)),
        ([region(), region(4, (4, 0), (0.01, 0.0))], (0.2, 0.1)),  # with a Doppler trace
        ([region(), region(deltas=(0.03, 0.03))], None),  # two scales in one picture
        ([region(units=(4, 3))], None),
        ([region(deltas=(0, 0.02))], None),
        ([Dataset()], None),
    ],
)
def test_an_ultrasound_image_takes_its_spacing_from_its_regions(make, regions, expected):
    path = make(np.zeros((3, 4), np.uint8), Modality="US", SequenceOfUltrasoundRegions=regions)
    assert dicom.describe(path)["spacing"] == expected
    assert dicom.read_images(path, None)[0].shape == ((6, 4) if expected else (3, 4))


def test_a_tiled_slide_gives_a_grey_image_for_each_tile(make):
    tiles = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3)).astype(np.uint8)
    path = make(
        tiles, Modality="SM", NumberOfFrames=4, SamplesPerPixel=3, PhotometricInterpretation="RGB",
        PlanarConfiguration=0, Rows=5, Columns=6, TotalPixelMatrixRows=10, TotalPixelMatrixColumns=12,
        DimensionOrganizationType="TILED_FULL", SOPClassUID=pydicom.uid.VLWholeSlideMicroscopyImageStorage,
    )  # fmt: skip
    expected = tiles.astype(float) @ [0.299, 0.587, 0.114] / 255
    np.testing.assert_allclose(dicom.read_images(path, None), expected, atol=1e-7)
