"""Electrocardiograms as images one pixel high: (1, T, leads), so that the same engine classifies them.

Stored -> millivolts -> each lead's median becomes 0 -> 100 Hz, T samples -> window -> [0, 1].
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset

RATE = 100  # Hz: with --size 1000 the usual ten seconds
WINDOW = (0.0, 6.0)  # mV: 0.5 is the base line, 0 and 1 are -3 and 3 mV
MILLIVOLTS = {"uV": 1e-3, "mV": 1.0, "V": 1e3}  # UCUM
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
INTEGERS = {(8, "SB"): "i1", (8, "UB"): "u1", (16, "SS"): "i2", (16, "US"): "u2", (32, "SL"): "i4", (32, "UL"): "u4"}


def has_waveform(ds: Dataset) -> bool:
    """Does the file hold waveforms and no image?"""
    return bool(ds.get("WaveformSequence")) and "PixelData" not in ds


def millivolts(ds: Dataset, path: object) -> tuple[np.ndarray, list[str], float]:
    """((leads, samples) float64 in mV, the leads' names, samples a second) of the first multiplex group.

    value = stored * sensitivity * correction factor + baseline, by channel (PS3.3 C.10.9.1.4).
    NaN where the stored value is the Waveform Padding Value. The twelve standard leads come in their usual order and
    without others, where all are there; else every channel, in the file's order.
    Raises DicomError: no voltages, companded samples, lying lengths; header text is not quoted, it may name a patient.
    """
    group = ds.WaveformSequence[0]
    try:
        bits, kind = int(group.WaveformBitsAllocated), str(group.WaveformSampleInterpretation)
        channels, samples = int(group.NumberOfWaveformChannels), int(group.NumberOfWaveformSamples)
        rate, definitions = float(group.SamplingFrequency), list(group.ChannelDefinitionSequence)
        data, pad = memoryview(group.WaveformData), memoryview(group.get("WaveformPaddingValue") or b"")
        order = "<" if ds.file_meta.TransferSyntaxUID.is_little_endian else ">"
    except (AttributeError, TypeError, ValueError):
        raise DicomError(path, "its waveform's header is incomplete or damaged") from None
    if (bits, kind) not in INTEGERS:
        expected = ", ".join(f"{name} of {n}" for n, name in INTEGERS)
        raise DicomError(path, f"its waveform samples of {bits} bits are not supported: expected {expected} bits")
    need = channels * samples * bits // 8
    if not (channels > 0 and samples > 1 and len(definitions) == channels and len(data) >= need):
        raise DicomError(path, f"its waveform of {channels} x {samples} samples has {len(data)} bytes: expected {need}")
    if not 1 <= rate <= 1e5:
        raise DicomError(path, f"SamplingFrequency {rate:g} Hz is not usable: expected 1 to 100000")
    dtype = np.dtype(f"{order}{INTEGERS[bits, kind]}")
    stored = np.frombuffer(data, dtype, channels * samples).reshape(samples, channels).T
    scaled = np.stack([calibrated(s, d, path) for s, d in zip(stored, definitions, strict=True)])
    if len(pad) >= dtype.itemsize:
        scaled[stored == np.frombuffer(pad, dtype, 1)[0]] = np.nan
    names = [lead(d) for d in definitions]
    if set(LEADS) <= set(names):
        scaled, names = scaled[[names.index(name) for name in LEADS]], list(LEADS)
    return scaled, names, rate


def calibrated(stored: np.ndarray, channel: Dataset, path: object) -> np.ndarray:
    """One channel in mV."""
    try:
        unit = str(channel.ChannelSensitivityUnitsSequence[0].CodeValue)
        factor = float(channel.ChannelSensitivity) * float(channel.get("ChannelSensitivityCorrectionFactor") or 1)
        base = float(channel.get("ChannelBaseline") or 0)
    except (AttributeError, IndexError, TypeError, ValueError):
        raise DicomError(path, "a waveform channel states no sensitivity: its samples have no unit") from None
    if unit not in MILLIVOLTS:
        raise DicomError(path, "a waveform channel is not in a voltage (uV, mV, V)")
    if not np.isfinite([factor, base]).all():
        raise DicomError(path, "a waveform channel's sensitivity is not finite")
    return (stored * factor + base) * MILLIVOLTS[unit]


def lead(channel: Dataset) -> str:
    """'aVR' of 'Lead aVR', 'I' of 'Lead I (Einthoven)'; "" where the channel is not so named."""
    try:
        meaning = str(channel.ChannelSourceSequence[0].CodeMeaning)
    except (AttributeError, IndexError):
        return ""
    found = re.match(r"\s*(?:lead\s+)?([a-z]{0,3}[0-9]{0,2}R?)\b", meaning, re.IGNORECASE)
    name = found[1].lower() if found else ""
    return next((n for n in LEADS if n.lower() == name), name)


def stages(
    ds: Dataset, path: object, size: int | None, aspect: str, window: Any
) -> Iterator[tuple[str, str, np.ndarray]]:
    """(name, what, array) of each stage; the last array is (1, T, leads) float32 in [0, 1], those before (leads, T).

    size    T, in samples; None keeps the record's own rate and length
    aspect  "pad" or "crop": at 100 Hz, longer records cut and shorter ones filled with 0 mV, evenly at both ends;
            "stretch": the whole record in T samples, whatever its length
    window  (center, width) in mV instead of (0, 6)
    """
    values, names, rate = millivolts(ds, path)
    shown = ", ".join(name or "?" for name in names)
    seconds = values.shape[1] / rate
    yield "millivolts", f"{len(names)} leads ({shown}), {seconds:g} s at {rate:g} Hz, in mV", values
    middle = np.nanmedian(np.where(np.isnan(values).all(axis=1, keepdims=True), 0, values), axis=1, keepdims=True)
    values = np.nan_to_num(values - middle)
    yield "base line", "each lead's median is now 0 mV, and so is padding", values
    if size is not None:
        values, what = fit(values, rate, size, aspect)
        yield "time", what, values
    center, width = window or WINDOW
    values = np.clip((values - center) / width + 0.5, 0, 1)
    yield "window", f"center {center:g}, width {width:g} mV: v = (mV - {center:g}) / {width:g} + 1/2, in [0, 1]", values
    yield "scale", "(1, samples, leads) float32: what the network sees", values.T[None].astype(np.float32)


def fit(values: np.ndarray, rate: float, size: int, aspect: str) -> tuple[np.ndarray, str]:
    """(leads, samples) -> (leads, size), and what was done."""
    n = values.shape[1]
    if aspect == "stretch":
        return resampled(values, Fraction(size, n), size), f"the whole record in {size} samples"
    values = resampled(values, Fraction(RATE) / Fraction(rate).limit_denominator(1000), round(n * RATE / rate))
    there = values.shape[1]
    start = (there - size) // 2  # below 0: room before the record
    out = np.zeros((len(values), size))
    out[:, max(0, -start) : max(0, -start) + there] = values[:, max(0, start) : max(0, start) + size]
    done = "cut to" if there > size else "filled to" if there < size else "as it is:"
    return out, f"{RATE} Hz, {there} samples, {done} {size}"


def resampled(values: np.ndarray, ratio: Fraction, n: int) -> np.ndarray:
    """n samples at `ratio` times the rate, anti-aliased (a zero-phase FIR filter, scipy's resample_poly)."""
    from scipy.signal import resample_poly

    ratio = ratio.limit_denominator(10_000)
    out = values if ratio == 1 else resample_poly(values, ratio.numerator, ratio.denominator, axis=1)
    return np.pad(out, ((0, 0), (0, max(0, n - out.shape[1]))))[:, :n]
