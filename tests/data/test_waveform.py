"""Electrocardiograms: pydicom's reading is the oracle for the values, sine waves for time."""

import csv

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage
from pydicom.waveforms import multiplex_array

from convnet.data import cohort, dicom
from convnet.data.dicom.waveform import LEADS, lead, millivolts
from convnet.data.preparation import Preparation
from convnet.study.evaluate import evaluate
from convnet.study.metadata import read_preparation
from convnet.study.train import train


@pytest.fixture
def ecg(tmp_path):
    """ecg(stored (samples, channels), name=..., ...) -> the path of a 12-lead ECG file."""

    def make(stored, name="ecg.dcm", rate=500, leads=LEADS, unit="uV", factor=5.0, syntax=None, patient="A", **group):
        stored = np.asarray(stored)
        big = syntax == ExplicitVRBigEndian
        ds, item = Dataset(), Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = syntax or ExplicitVRLittleEndian
        ds.SOPClassUID, ds.SOPInstanceUID = TwelveLeadECGWaveformStorage, pydicom.uid.generate_uid()
        ds.Modality, ds.PatientID = "ECG", patient
        item.WaveformBitsAllocated, item.WaveformSampleInterpretation = 16, "SS"
        item.NumberOfWaveformSamples, item.NumberOfWaveformChannels = stored.shape
        item.SamplingFrequency = rate
        item.ChannelDefinitionSequence = []
        for label in leads[: stored.shape[1]]:
            channel, source, units = Dataset(), Dataset(), Dataset()
            source.CodeMeaning, units.CodeValue = f"Lead {label}", unit
            channel.ChannelSourceSequence, channel.ChannelSensitivityUnitsSequence = [source], [units]
            channel.ChannelSensitivity, channel.ChannelBaseline = factor, 0
            item.ChannelDefinitionSequence.append(channel)
        item.WaveformData = stored.astype(">i2" if big else "<i2").tobytes()
        for keyword, value in group.items():
            setattr(item, keyword, value)
        ds.WaveformSequence = [item]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ds.save_as(path, enforce_file_format=True)
        return path

    return make


def beats(n, channels=12, seed=0, rate=500, wide=False):
    """Stored samples of a made-up rhythm: narrow or wide spikes once a second, in noise."""
    rng = np.random.default_rng(seed)
    t = (np.arange(n) / rate + rng.random()) % 1 - 0.5
    spike = np.exp(-((t / (0.06 if wide else 0.015)) ** 2))
    gains = rng.uniform(0.5, 1.5, channels)
    return np.rint(200 * spike[:, None] * gains + rng.normal(0, 10, (n, channels)))


def test_the_millivolts_of_a_real_ecg_are_pydicoms(real):
    ds = pydicom.dcmread(real / "waveform_ecg.dcm")
    got, names, rate = millivolts(ds, "file")
    np.testing.assert_allclose(got, multiplex_array(ds, 0, as_raw=False).T / 1000, rtol=1e-12)
    assert (tuple(names), rate) == (LEADS, 1000)


def test_an_ecg_is_one_image_a_pixel_high_at_100_hz(real):
    (image,) = dicom.read_images(real / "waveform_ecg.dcm", 1000)
    assert image.shape == (1, 1000, 12)
    assert image.dtype == np.float32
    np.testing.assert_allclose(np.median(image, axis=1), 0.5, atol=0.002)
    whole = dicom.read_images(real / "waveform_ecg.dcm", None)[0]
    assert whole.shape == (1, 10000, 12)


@pytest.mark.parametrize(("unit", "factor"), [("uV", 5.0), ("mV", 0.005), ("V", 5e-6)])
def test_every_unit_of_voltage_gives_the_same_image(ecg, unit, factor):
    image = dicom.read_images(ecg(beats(5000), unit=unit, factor=factor), 1000)[0]
    np.testing.assert_allclose(image, dicom.read_images(ecg(beats(5000), "uv.dcm"), 1000)[0], atol=1e-7)


def test_big_endian_samples_are_read(ecg):
    little, big = ecg(beats(1000), "l.dcm"), ecg(beats(1000), "b.dcm", syntax=ExplicitVRBigEndian)
    np.testing.assert_array_equal(dicom.read_images(big, 200), dicom.read_images(little, 200))


def test_leads_come_in_their_usual_order_and_others_go(ecg):
    stored = np.zeros((500, 13)) + np.arange(13)
    shuffled = ("V6", "X", *LEADS[:11][::-1])
    got, names, _ = millivolts(pydicom.dcmread(ecg(stored, leads=shuffled)), "file")
    assert tuple(names) == LEADS
    np.testing.assert_allclose(got[:, 0], [0.005 * shuffled.index(name) for name in LEADS])


def test_other_channels_stay_in_the_files_order(ecg):
    _, names, _ = millivolts(pydicom.dcmread(ecg(beats(500, 3), leads=("V2", "ES", "I"))), "file")
    assert names == ["V2", "es", "I"]


@pytest.mark.parametrize(
    ("meaning", "name"), [("Lead I (Einthoven)", "I"), ("aVR", "aVR"), ("lead v3", "V3"), ("Lead II", "II")]
)
def test_a_lead_is_known_by_its_meaning(meaning, name):
    channel, source = Dataset(), Dataset()
    source.CodeMeaning = meaning
    channel.ChannelSourceSequence = [source]
    assert lead(channel) == name


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rate=st.sampled_from([128, 250, 257, 500, 1000]), hertz=st.floats(0.7, 8), seconds=st.sampled_from([6, 10, 13]))
def test_a_sine_keeps_its_frequency_and_height_whatever_the_sampling_rate(ecg, rate, hertz, seconds):
    t = np.arange(rate * seconds) / rate
    stored = np.rint(200 * np.sin(2 * np.pi * hertz * (t - t.mean())))[:, None]  # 1 mV
    row = dicom.read_images(ecg(stored, rate=rate, leads=("I",)), 1000)[0][0, :, 0]
    middle = slice(300, 700)  # away from the ends, whose filter reaches over
    at = (np.arange(1000) - 499.5) / 100
    expected = 0.5 + np.sin(2 * np.pi * hertz * at) / 6
    shift = 2 * np.pi * hertz * 0.006 / 6 + 0.004  # half a sample of each rate, the stored values' rounding
    assert np.abs(row - expected)[middle].max() < shift


def test_hum_above_the_new_rate_does_not_fold_into_the_signal(ecg):
    t = np.arange(10000) / 1000
    stored = np.rint(200 * np.sin(2 * np.pi * 180 * t))[:, None]  # would appear at 20 Hz
    row = dicom.read_images(ecg(stored, rate=1000, leads=("I",)), 1000)[0][0, :, 0]
    assert np.abs(row - 0.5)[50:-50].max() < 0.01 * 1 / 6


def test_a_short_record_is_filled_with_0_mv_and_a_long_one_cut_at_both_ends(ecg):
    short = dicom.read_images(ecg(beats(2000), "s.dcm"), 1000)[0]
    assert (short[0, :300] == 0.5).all()
    assert (short[0, -300:] == 0.5).all()
    assert short[0, 300:700].std() > 0.01
    spike = np.zeros((10000, 1))
    spike[5000:5005] = 400
    long = dicom.read_images(ecg(spike, "l.dcm", leads=("I",)), 1000)[0][0, :, 0]
    assert abs(int(long.argmax()) - 500) <= 1


def test_padding_samples_are_0_mv(ecg):
    stored = np.full((500, 1), 100.0)
    stored[100:200] = -32768
    path = ecg(stored, leads=("I",), WaveformPaddingValue=np.array([-32768], "<i2").tobytes())
    np.testing.assert_array_equal(dicom.read_images(path, None)[0], 0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"WaveformSampleInterpretation": "MB", "WaveformBitsAllocated": 8},
            "samples of 8 bits are not supported: expected SB of 8",
        ),
        ({"NumberOfWaveformSamples": 5000}, "12 x 5000 samples has 12000 bytes: expected 120000"),
        ({"NumberOfWaveformChannels": 11}, "11 x 500 samples"),
        ({"SamplingFrequency": 0}, "SamplingFrequency 0 Hz"),
        ({"ChannelDefinitionSequence": [Dataset()] * 12}, "states no sensitivity"),
        ({"unit": "mm[Hg]"}, r"not in a voltage \(uV, mV, V\)"),
        ({"WaveformData": None}, "header is incomplete or damaged"),
    ],
)
def test_what_is_no_electrocardiogram_is_refused_with_its_reason(ecg, changes, message):
    with pytest.raises(dicom.DicomError, match=message):
        dicom.read_images(ecg(beats(500), **changes))


@pytest.mark.filterwarnings("ignore")  # of pydicom, that such values are not valid
@pytest.mark.parametrize("changes", [{"WaveformSampleInterpretation": "ZEBRALOWITZ"}, {"unit": "ZEBRALOWITZ"}])
def test_text_that_stands_where_a_code_belongs_is_not_quoted(ecg, changes):
    with pytest.raises(dicom.DicomError) as error:
        dicom.read_images(ecg(beats(500), **changes))
    assert "ZEBRA" not in str(error.value)


def test_a_channels_name_shows_no_number_of_a_patient(ecg):
    path = ecg(beats(500, 1), leads=("77340918",))
    assert "7734" not in str([step.what for step in dicom.steps(path)])


def test_a_padding_value_that_is_too_short_is_none(ecg):
    path = ecg(beats(500), WaveformPaddingValue=b"")
    np.testing.assert_array_equal(dicom.read_images(path, 100), dicom.read_images(ecg(beats(500), "b.dcm"), 100))


def test_a_transfer_syntax_that_is_none_is_refused(ecg):
    ds = pydicom.dcmread(ecg(beats(500)))
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID("1.2.3.4")
    with pytest.raises(dicom.DicomError, match="incomplete or damaged"):
        millivolts(ds, "file")


def test_a_folder_of_electrocardiograms_is_learned(ecg, tmp_path):
    rows = []
    for n in range(60):
        name = f"study/{n:03d}.dcm"
        ecg(beats(2000, 12, seed=n, wide=bool(n % 2)), name, patient=f"P{n}")
        split = "train" if n < 40 else "val" if n < 50 else "test"
        rows.append((f"{n:03d}.dcm", "wide" if n % 2 else "narrow", split))
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "split"), *rows])
    data = cohort.load_folder(tmp_path / "study", tmp_path / "labels.csv", size=400, cache=True)
    assert data.x.shape == (60, 1, 400, 12)
    with pytest.raises(ValueError, match="use --network wave"):
        train(data, network="listing", epochs=1)
    model = train(data, network="wave", epochs=8, verbose=0).model
    result, _ = evaluate(model, data)
    assert result["auc"] == 1.0
    model.metadata["pipeline"] = {"size": 400, "aspect": "pad", "window": None}
    assert read_preparation(model) == Preparation(400, "pad", None, 1)
    model.metadata["pipeline"]["size"] = 399
    with pytest.raises(ValueError, match="prepares 399 pixels"):
        read_preparation(model)


def test_images_and_electrocardiograms_do_not_mix(ecg, real, tmp_path):
    folder = tmp_path / "study"
    ecg(beats(2000), "study/a.dcm")
    (folder / "b.dcm").write_bytes((real / "CT_small.dcm").read_bytes())
    (tmp_path / "labels.csv").write_text("path,label,split\na.dcm,x,train\nb.dcm,y,train\n")
    with pytest.raises(cohort.CohortError, match="table for each kind"):
        cohort.load_folder(folder, tmp_path / "labels.csv", cache=True)


def test_the_lesson_of_an_electrocardiogram_reads_it_as_training_does(ecg):
    from convnet.explain.lessons.image import read
    from convnet.study.networks import Wave

    path, model = ecg(beats(2000)), Wave(2)
    model.build((None, 1, 400, 12))
    model.metadata = {"classes": ["narrow", "wide"], "pipeline": {"size": 400, "aspect": "pad", "window": None}}
    image, label = read(model, path)
    assert np.array_equal(image, dicom.read_images(path, size=400)[0])
    assert image.shape == (1, 400, 12)
    assert label is None
    with pytest.raises(ValueError, match="frame 1 does not exist: the file has 1"):
        read(model, path, frame=1)
