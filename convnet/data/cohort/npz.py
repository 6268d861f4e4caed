"""A cohort from a MedMNIST .npz file (Yang et al., Scientific Data 10:41, 2023)."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence

import numpy as np

from convnet.data.cohort.build import Cohort, Record, build, unit_images
from convnet.data.cohort.table import SPLITS
from convnet.data.dicom.resize import resize
from convnet.data.errors import CohortError
from convnet.data.limits import size as size_of
from convnet.data.preparation import Preparation

MOST = 2**33  # bytes in all arrays of a file


def load_npz(
    path: str | os.PathLike[str],
    size: int | None = 28,
    aspect: str = "pad",
    classes: Sequence[str] | None = None,
    channels: int = 1,
) -> Cohort:
    """train_images, train_labels, val_*, test_*: grey (n, H, W) or RGB (n, H, W, 3) uint8 -> Cohort, v / 255.

    In grey or, with three channels, in colour. Labels (n, 1) or (n,) whole numbers; the classes are named by them.
    Never unpickles. `size`, `aspect`: `resize`.
    Raises CohortError for a damaged file, one that is not MedMNIST, or one with several labels an image.
    """
    Preparation(size, aspect, None, channels)  # refuses what cannot be
    images: list[np.ndarray] = []
    records: list[Record] = []
    for name, (x, y) in read_arrays(path).items():
        found = unit_images(x, f"{path}: {name}_images", channels)
        facts = {"photometric": "RGB"} if x.shape[3:] == (3,) else {}
        images += [resize(image, size, aspect) if size is not None else image for image in found]
        records += [Record(str(label), f"{name}[{i}]", split=name, facts=facts) for i, label in enumerate(y)]
    return build(images, records, classes=classes)


def read_arrays(path: str | os.PathLike[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{split: (images, labels (n,))}, checked. Raises CohortError."""
    try:
        with zipfile.ZipFile(path) as members:
            total = sum(member.file_size for member in members.infolist())  # zipfile reads no more than these
        if total > MOST:
            raise CohortError(
                f"{path}: unfolds to {size_of(total)}: more than {size_of(MOST)} are not read into memory"
            )
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except CohortError:
        raise
    except FileNotFoundError:
        raise CohortError(f"{path}: no such file") from None
    except (AttributeError, EOFError, OSError, ValueError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise CohortError(
            f"{path}: is not an .npz file of plain arrays, or is damaged ({type(error).__name__})"
        ) from None
    except Exception as error:  # zlib and struct errors of a damaged member
        raise CohortError(f"{path}: is damaged ({type(error).__name__}: {error})") from None
    missing = [f"{s}_{kind}" for s in SPLITS for kind in ("images", "labels") if f"{s}_{kind}" not in arrays]
    if missing:
        raise CohortError(f"{path}: is not a MedMNIST file: {', '.join(missing)} missing, found: {', '.join(arrays)}")
    out = {}
    for name in SPLITS:
        x, y = arrays[f"{name}_images"], arrays[f"{name}_labels"]
        if y.dtype.kind not in "iu" or y.ndim not in (1, 2) or (y.ndim == 2 and y.shape[1] != 1):
            what = f"{y.shape} {y.dtype}"
            raise CohortError(f"{path}: {name}_labels is {what}: expected one whole number an image, (n, 1) or (n,)")
        if len(x) != len(y):
            raise CohortError(f"{path}: {len(x)} {name}_images but {len(y)} {name}_labels")
        out[name] = (x, y.reshape(-1))
    return out
