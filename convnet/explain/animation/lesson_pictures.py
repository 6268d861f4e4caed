"""The moving pictures of conv2d: python -m convnet.explain.animation.lesson_pictures kernels/conv2d/pictures"""

from pathlib import Path
from typing import Any

from convnet.explain.animation.animate import animate

LESSONS: dict[str, dict[str, Any]] = {
    "forward": {"x": [[1, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 0]], "k": [[1, 0], [0, -1]]},  # the lesson's own numbers
    "padding": {"size": 4, "padding": 1},
    "stride": {"stride": 2, "padding": 1},
    "dilation": {"size": 7, "dilation": 2},
    "backward_data": {"which": "backward_data", "size": 4},
    "backward_data_stride": {"which": "backward_data", "size": 5, "stride": 2, "padding": 1},
    "backward_weights": {"which": "backward_weights", "size": 4},
}

if __name__ == "__main__":
    import sys

    for name, settings in LESSONS.items():
        print(animate(**settings).save(Path(sys.argv[1]) / f"{name}.svg"))
