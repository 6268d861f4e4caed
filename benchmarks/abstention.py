"""How often a model abstains: on its own test images, on the same images spoilt, and on images of something else.

python -m benchmarks.abstention model.safetensors breastmnist.npz

Headers are left out, which would settle it at once: grey values and the features alone must tell.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from convnet import load
from convnet.data import cohort, phantom
from convnet.data.dicom.resize import resize
from convnet.study import outlier, training_domain
from convnet.study.features import features
from convnet.study.metadata import read_classes, read_preparation, read_record


def others(x: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """(name, images (N,H,W,1)): the test images, what becomes of them by mistakes, and images of other things."""
    from sklearn.datasets import load_digits

    rng, size = np.random.default_rng(0), x.shape[1]

    def of(images: np.ndarray) -> np.ndarray:
        return np.stack([resize(image, size) for image in images])[..., None].astype(np.float32)

    yield "test images as they are", x
    yield "black and white exchanged", 1 - x
    yield "upside down", x[:, ::-1]
    yield "a tenth as bright", x / 10
    yield "blurred (sigma 2 pixels)", ndimage.gaussian_filter(x, (0, 2, 2, 0))
    yield "noise added (sd 0.2)", np.clip(x + rng.normal(0, 0.2, x.shape), 0, 1).astype(np.float32)
    yield "pixels shuffled", rng.permuted(x.reshape(len(x), -1), axis=1).reshape(x.shape)
    yield "black", np.zeros_like(x)
    study = phantom.Study()
    yield "simulated CT", of(np.clip((study.images("test")[0] + 160) / 400, 0, 1))
    yield "handwritten digits", of(load_digits().images[:200] / 16)


def main(model_path: str, npz: str) -> None:
    """Print a table: images, and the share on which the model abstains, by grey values, by features, in all."""
    model = load(model_path)
    preparation = read_preparation(model)
    images = {name: getattr(preparation, name) for name in ("size", "aspect", "channels")}
    data = cohort.load_npz(npz, classes=read_classes(model), **images)
    recorded = read_record(model).scope
    print("| images | n | by grey values | by features | abstains |\n|---|---|---|---|---|")
    for name, images in others(data.split("test")[0]):
        found = outlier.score(recorded["outlier"], features(model, images))
        grey = np.array([bool(training_domain.outside(recorded, {}, image, None)[0]) for image in images])
        far = found > recorded["outlier"]["threshold"]
        shares = " | ".join(f"{100 * np.mean(v):.0f} %" for v in (grey, far, grey | far))
        print(f"| {name} | {len(images)} | {shares} |")


if __name__ == "__main__":
    main(*sys.argv[1:3])
