#!/usr/bin/env bash
# pydicom returns the padding of an electrocardiogram as a voltage.
#
# Guess    Samples equal to Waveform Padding Value mean "not recorded" and are masked or NaN.
# Seen     A lead with samples 100, padding, 200, padding and 5 uV per unit: pydicom 3.0.2
#          (multiplex_array with as_raw=False) returns 500, -163840, 1000, -163840, a swing of 0.16
#          V.
# Why      multiplex_array applies Channel Sensitivity and Baseline to every sample. Waveform
#          Padding Value (5400,100A) is not looked at (DICOM PS3.3, C.10.9).
# Cost     Means, peaks and any normalisation by the largest value are those of the padding.
# Instead  Compare the raw samples (as_raw=True) with the padding value and mask before scaling.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    pydicom==3.0.2 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, GeneralECGWaveformStorage, generate_uid
from pydicom.waveforms import multiplex_array


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


unit = Dataset()
unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
lead = Dataset()
lead.CodeValue, lead.CodingSchemeDesignator, lead.CodeMeaning = "5.6.3-9-1", "SCPECG", "Lead I"
channel = Dataset()
channel.ChannelSourceSequence, channel.ChannelSensitivityUnitsSequence = [lead], [unit]
channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = 5, 1, 0
channel.ChannelSampleSkew, channel.WaveformBitsStored = 0, 16
group = Dataset()
group.WaveformOriginality, group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = "ORIGINAL", 1, 4
group.SamplingFrequency, group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 500, 16, "SS"
group.ChannelDefinitionSequence = [channel]
group.add_new("WaveformPaddingValue", "OW", np.array([-32768], "<i2").tobytes())
group.add_new("WaveformData", "OW", np.array([100, -32768, 200, -32768], "<i2").tobytes())
ds = Dataset()
ds.file_meta = FileMetaDataset()
ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = GeneralECGWaveformStorage, generate_uid(), "ECG"
ds.WaveformSequence = [group]
check("samples in uV", multiplex_array(ds, 0, as_raw=False).ravel().tolist(), [500.0, -163840.0, 1000.0, -163840.0])
EOF
venv/bin/python finding.py
