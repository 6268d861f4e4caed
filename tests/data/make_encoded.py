"""Makes tests/data/encoded: `pictures` in the encodings that pydicom cannot write.

Needs dcmtk (apt-get install dcmtk) and imagecodecs (pip install imagecodecs): python -m tests.data.make_encoded
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from imagecodecs import htj2k_encode
from pydicom.encaps import encapsulate
from pydicom.uid import HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL

from tests.data import pictures

FOLDER = Path(__file__).parent / "encoded"
MONO, COLOUR = ("MONOCHROME1", "MONOCHROME2"), ("RGB", "YBR_FULL", "YBR_FULL_422")
DCMTK = {  # name: options of dcmcjpeg; bits; photometric interpretations
    "jpeg-baseline": (["+eb", "+q", "98"], 8, (*MONO, *COLOUR)),
    "jpeg-extended": (["+ee", "+q", "98"], 12, MONO),
    "jpeg-lossless": (["+el", "+sv", "6"], 8, (*MONO, "PALETTE COLOR", "RGB", "YBR_FULL")),
    "jpeg-lossless-sv1": (["+e1"], 8, (*MONO, "PALETTE COLOR", "RGB", "YBR_FULL")),
}
SAMPLING = {"RGB": ["+cr"], "YBR_FULL": ["+cy", "+s4"], "YBR_FULL_422": ["+cy", "+s2"]}


def with_dcmtk(name: str) -> None:
    """JPEG by dcmcjpeg, which turns RGB into YBR itself; its lossless mode keeps every sample."""
    options, bits, photometrics = DCMTK[name]
    for photometric in photometrics:
        lossy_colour = photometric in COLOUR and "lossless" not in name
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "source.dcm"
            pictures.native("RGB" if lossy_colour else photometric, bits).save_as(source, enforce_file_format=True)
            sampling = SAMPLING[photometric] if lossy_colour else []
            target = FOLDER / f"{name}.{photometric.replace(' ', '_')}.dcm"
            subprocess.run(["dcmcjpeg", "+un", *options, *sampling, source, target], check=True)


def with_openjph() -> None:
    """High-Throughput JPEG 2000 by OpenJPH."""
    for name, syntax, reversible in (
        ("htj2k-lossless", HTJ2KLossless, True),
        ("htj2k-lossless-rpcl", HTJ2KLosslessRPCL, True),  # RPCL is OpenJPH's order
        ("htj2k", HTJ2K, False),
    ):
        for photometric in (*MONO, "PALETTE COLOR", "RGB", "YBR_RCT" if reversible else "YBR_ICT"):
            if photometric == "PALETTE COLOR" and not reversible:
                continue
            ds = pictures.native(photometric if photometric[:3] != "YBR" else "RGB")
            ds.PhotometricInterpretation = photometric
            pixels = pictures.colour() if ds.SamplesPerPixel == 3 else pictures.grey()
            colour = {"rgb": photometric[:3] == "YBR"} if pixels.ndim == 3 else {}
            level = {} if reversible else {"level": 0.002}
            tlm = syntax == HTJ2KLosslessRPCL
            code = htj2k_encode(np.ascontiguousarray(pixels), reversible=reversible, tlm=tlm, **level, **colour)
            ds.PixelData = encapsulate([code])
            ds["PixelData"].is_undefined_length = True
            ds.file_meta.TransferSyntaxUID = syntax
            ds.save_as(FOLDER / f"{name}.{photometric.replace(' ', '_')}.dcm", enforce_file_format=True)


if __name__ == "__main__":
    for each in DCMTK:
        with_dcmtk(each)
    with_openjph()
