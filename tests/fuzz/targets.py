"""What is done with one mutated file, in a worker."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import numpy as np

from convnet.data.errors import DicomError
from convnet.data.preparation import Preparation
from convnet.data.reading import tasks
from convnet.data.reading.examine import examine


def frames(yielded: Iterable[object]) -> list[np.ndarray]:
    """Return the images of what a reader yields: beside facts, remarks, and reasons of frames that cannot be read."""
    return [one for one in yielded if isinstance(one, np.ndarray)]


def first(found: object) -> object:
    """Return the image of a frame, which comes with more."""
    return found[0] if isinstance(found, tuple) else found


def image_file(path: str) -> Iterator[tuple[str, float]]:
    """Everything that commands do with a file's header and pixels. Yields ('image' or why not, seconds)."""
    for read in (
        lambda: [tasks.describe(path)],
        lambda: [array for _, _, array in tasks.steps(path, Preparation(28, "crop").to_plain(), 0)][-1:],
        lambda: [frames(tasks.labelled_images(path, Preparation(28).to_plain()))],
        lambda: [frames(tasks.labelled_images(path, Preparation(28, "stretch", channels=3).to_plain()))],
        lambda: [frames(first(found) for found in examine(path, Preparation(28).to_plain(), True, True))],
        lambda: [tasks.identifying(path)],
    ):
        start = time.monotonic()
        try:
            (result,) = read()
        except DicomError as error:
            if "\n" in str(error) or not error.reason:
                raise AssertionError("an error is one line") from None
            yield error.reason, time.monotonic() - start
            continue
        for image in result if isinstance(result, list) else []:
            shape = image.shape if image.ndim == 2 else image.shape[:2]
            if (
                image.dtype != np.float32
                or shape not in ((28, 28), (1, 28))
                or not (0 <= image.min() <= image.max() <= 1)
            ):
                raise AssertionError("an image is float32 in [0, 1]")
        yield "image", time.monotonic() - start
