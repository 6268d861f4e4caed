"""A smooth grey and a smooth colour picture as DICOM, in every photometric interpretation but JPEG 2000's own."""

import numpy as np
from pydicom import Dataset
from pydicom.pixels import convert_color_space

from convnet.data.cohort.write import new_image

SIDE = 32  # OpenJPEG wants 32 pixels or more
UID = "1.2.840.10008.5.1.4.1.1.7"  # secondary capture


def grey(bits=8):
    """(SIDE,SIDE), from 0 to 2^bits - 1."""
    i, j = np.mgrid[:SIDE, :SIDE]
    return np.rint((i + j) / (2 * SIDE - 2) * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def colour():
    """(SIDE,SIDE,3) uint8: red grows to the right, green downwards, blue the other way."""
    i, j = np.mgrid[:SIDE, :SIDE] * 4
    return np.stack([60 + j, 40 + i, 200 - j], axis=-1).astype(np.uint8)


def palette():
    """(256,3) uint16: a colour for each stored value."""
    v = np.arange(256)
    return np.stack([v, 255 - v, (v * 7) % 256], axis=-1).astype(np.uint16) * 257


def truth(photometric, bits=8):
    """What must be seen: grey (SIDE,SIDE) in [0, 1] of the picture with that photometric interpretation."""
    if photometric == "MONOCHROME1":
        return 1 - grey(bits) / (2**bits - 1)
    if photometric == "MONOCHROME2":
        return grey(bits) / (2**bits - 1)
    rgb = palette()[grey()] / 65535 if photometric == "PALETTE COLOR" else colour() / 255
    return rgb @ [0.299, 0.587, 0.114]


def native(photometric, bits=8) -> Dataset:
    """The picture uncompressed, Explicit VR Little Endian."""
    ds = new_image(UID, grey(), "SYNTH-1", f"pictures/{photometric}/{bits}", "OT")
    ds.PhotometricInterpretation = photometric
    if photometric.startswith("MONOCHROME"):
        values = grey(bits)
    elif photometric == "PALETTE COLOR":
        values = grey()
        for name, entries in zip(("Red", "Green", "Blue"), palette().T, strict=True):
            setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
            setattr(ds, f"{name}PaletteColorLookupTableData", entries.astype("<u2").tobytes())
    else:
        values = colour()
        if photometric.startswith("YBR_FULL"):
            values = convert_color_space(values, "RGB", "YBR_FULL")
        ds.SamplesPerPixel, ds.PlanarConfiguration = 3, 0
        if photometric == "YBR_FULL_422":  # Y1 Y2 Cb Cr for two pixels, PS3.3 C.7.6.3.1.2
            y, c = values[..., 0], values[:, ::2, 1:]
            values = np.concatenate([y.reshape(SIDE, -1, 2), c], axis=2)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 * values.dtype.itemsize, bits, bits - 1
    ds.PixelData = values.astype(values.dtype.newbyteorder("<")).tobytes()
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"
    ds.ConversionType = "SYN"
    if bits > 8 and photometric.startswith("MONOCHROME"):
        ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = (2**bits - 1) / 2, 2**bits - 1, "LINEAR_EXACT"
    return ds
