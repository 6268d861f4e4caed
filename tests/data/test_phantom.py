"""The phantom study: its statistics are the stated ones, and its files are CT images that keep every HU."""

import numpy as np
import pydicom
import pytest

from convnet.data import cohort, dicom
from convnet.data.phantom import Study, observer

SMALL = Study(train=6, val=2, test=4)


def noise(n):
    """n images without the lesion, HU minus the background, rounded as in the files."""
    return np.array([SMALL.image(i, False) for i in range(n)], float) - SMALL.background


def test_the_sample_covariance_is_the_stated_one():
    n, size = 4000, SMALL.size
    x = noise(n)
    stated = observer.covariance(SMALL.power)
    for i, j in [(0, 0), (0, 1), (1, 1), (2, 0), (3, 4), (14, 14)]:
        products = (x * np.roll(x, (-i, -j), (1, 2))).mean((1, 2))  # one independent value an image
        error = products.std() / np.sqrt(n)
        assert abs(products.mean() - stated[i, j]) < 4.5 * error, (i, j)
    assert stated[0, 0] == pytest.approx(SMALL.sigma**2 + 1 / 12)
    assert abs(x.mean((1, 2)).mean()) < 4.5 * np.sqrt(SMALL.power[0, 0] / size**2 / n)


def test_the_template_solves_the_normal_equations_of_the_full_covariance_matrix():
    study = Study(size=8)
    row = observer.covariance(study.power)
    at = np.arange(8)
    k = np.array([[row[(a - c) % 8, (b - d) % 8] for c in at for d in at] for a in at for b in at])
    w = observer.template(study.signal, study.power)
    np.testing.assert_allclose(k @ w.ravel(), study.signal.ravel(), atol=1e-9)
    s = study.signal.ravel()
    assert observer.detectability(study.signal, study.power) ** 2 == pytest.approx(s @ np.linalg.solve(k, s))


def test_white_noise_gives_the_textbook_detectability():
    signal = np.random.default_rng(0).random((6, 6))
    d = observer.detectability(signal, np.full((6, 6), 4.0))
    assert d == pytest.approx(np.sqrt((signal**2).sum()) / 2)
    assert observer.auc(0) == 0.5
    assert observer.auc(np.sqrt(2)) == pytest.approx(0.8413447460685429)  # Phi(1)


def test_the_ideal_auc_agrees_with_the_ideal_scores_of_many_images():
    n = 3000
    absent = np.array([SMALL.image(i, False) for i in range(n)])
    present = np.array([SMALL.image(n + i, True) for i in range(n)])
    a, p = SMALL.ideal_scores(absent), np.sort(SMALL.ideal_scores(present))
    wins = 1 - np.searchsorted(p, a) / n  # for each absent image, the share of present ones above it
    losses = np.searchsorted(np.sort(a), p) / n
    error = np.sqrt(wins.var() / n + losses.var() / n)  # DeLong
    assert abs(wins.mean() - SMALL.ideal_auc()) < 4 * error
    assert error < 0.003


def test_no_other_linear_template_beats_the_ideal_one():
    rng = np.random.default_rng(0)
    best = observer.detectability(SMALL.signal, SMALL.power)
    w = observer.template(SMALL.signal, SMALL.power)
    for other in (SMALL.signal, w + 0.1 * w.std() * rng.standard_normal(w.shape), np.ones_like(w)):
        spread = np.sqrt((np.abs(np.fft.fft2(other)) ** 2 * SMALL.power).sum() / w.size)
        assert (other * SMALL.signal).sum() / spread < best


def test_the_default_study_is_neither_hopeless_nor_trivial():
    assert 0.95 < Study().ideal_auc() < 0.97


def test_the_study_comes_back_from_its_files_to_the_last_hu(tmp_path):
    SMALL.write(tmp_path / "study")
    c = cohort.load(tmp_path / "study", strict=True)
    assert c.classes == ("absent", "present")
    assert len(set(c.patients)) == len(c.patients)
    assert "PHANTOM" not in "".join(c.patients)
    assert c.skipped == []
    for split, n in (("train", 6), ("val", 2), ("test", 4)):
        hu, y = SMALL.images(split)
        x, labels = c.split(split)
        assert len(hu) == n
        np.testing.assert_array_equal(SMALL.to_hu(x[..., 0]), hu)
        np.testing.assert_array_equal(labels, y)
        np.testing.assert_array_equal(SMALL.ideal_scores(SMALL.to_hu(x)), SMALL.ideal_scores(hu))
        assert y.tolist() == [0, 1] * (n // 2)
    modality = dicom.steps(tmp_path / "study" / c.paths[0])[1]
    np.testing.assert_array_equal(modality.array, SMALL.image(0, False))


def test_the_window_clips_nothing():
    center, width = SMALL.window
    for study in (SMALL, Study()):
        assert width >= 8 * study.sigma + study.contrast
    hu = np.stack([SMALL.image(i, bool(i % 2)) for i in range(500)])
    clipped = (hu < center - 0.5 - (width - 1) / 2) | (hu > center - 0.5 + (width - 1) / 2)
    assert clipped.mean() < 1e-5


def test_the_files_have_what_a_ct_image_must_have(tmp_path):
    SMALL.write(tmp_path / "study")
    ds = pydicom.dcmread(tmp_path / "study" / "test" / "PHANTOM-0012.dcm")
    assert ds.file_meta.MediaStorageSOPClassUID.name == "CT Image Storage"
    # PS3.3 A.3 and the modules that it names
    type_1 = """SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality FrameOfReferenceUID
        ImageType PixelSpacing ImageOrientationPatient ImagePositionPatient SamplesPerPixel
        PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
        RescaleIntercept RescaleSlope RescaleType PixelData"""
    for keyword in type_1.split():
        assert ds.get(keyword) not in (None, "", b""), keyword
    type_2 = """PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime StudyID AccessionNumber
        ReferringPhysicianName SeriesNumber PatientPosition Manufacturer PositionReferenceIndicator
        SliceThickness InstanceNumber PatientOrientation KVP AcquisitionNumber"""
    for keyword in type_2.split():
        assert keyword in ds, keyword
    assert (ds.RescaleIntercept, ds.RescaleSlope, ds.BitsStored, ds.PixelRepresentation) == (-1024, 1, 16, 1)
    assert (ds.WindowCenter, ds.WindowWidth) == SMALL.window
    uids = {pydicom.dcmread(p).SOPInstanceUID for p in (tmp_path / "study").rglob("*.dcm")}
    assert len(uids) == 12


def test_the_same_seed_writes_the_same_bytes_and_another_seed_other_images(tmp_path):
    SMALL.write(tmp_path / "a")
    SMALL.write(tmp_path / "b")
    for path in sorted((tmp_path / "a").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
    other = Study(train=6, val=2, test=4, seed=1)
    assert (other.image(0, False) != SMALL.image(0, False)).any()


def test_an_image_does_not_depend_on_how_many_there_are():
    np.testing.assert_array_equal(Study(train=2, val=0, test=0).images("train")[0], SMALL.images("train")[0][:2])


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"sigma": 0}, "sigma=0"), ({"test": -1}, "below 0"), ({"sigma": 500}, "leave a CT's range")],
)
def test_impossible_parameters_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        Study(**changes)


def test_scores_of_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match="expected 28 x 28 in HU"):
        SMALL.ideal_scores(np.zeros((1, 8, 8)))
