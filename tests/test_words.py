"""Numbers of things are written as a person would."""

import pytest

from convnet.output.words import count


@pytest.mark.parametrize(
    ("n", "what", "words"),
    [
        (1, "image", "1 image"),
        (0, "image", "0 images"),
        (2, "known patient", "2 known patients"),
        (3, "study", "3 studies"),
        (2, "series", "2 series"),
        (1, "validation class", "1 validation class"),
        (5, "class", "5 classes"),
    ],
)
def test_one_is_singular(n, what, words):
    assert count(n, what) == words
