"""Which images a page can offer beside its own, and how they are packed."""

import numpy as np
import pytest

from convnet.explain import lesson
from convnet.explain.lessons.gallery import Gallery
from convnet.explain.lessons.pack import unpack
from tests.explain import models

QUESTION = ("Which?", "哪个？")


def make(gallery, **settings):
    return lesson(models.formula(), models.image((12, 12, 1)), 1, gallery=gallery, **settings)


def test_the_pages_own_image_is_the_first_and_circles_go_with_their_class():
    x = models.image((3, 12, 12, 1), seed=1)
    words = (("no", "否"), ("yes", "是"))
    found = make(Gallery(x, np.array([0, 1, 0]), QUESTION, words, (5.5, 5.5, 2.0), (1,))).document["gallery"]
    assert np.array_equal(unpack(found["x"]), np.concatenate([models.image((1, 12, 12, 1)), x]))
    assert found["y"] == [1, 0, 1, 0]
    assert found["outlines"] == [(5.5, 5.5, 2.0), None, (5.5, 5.5, 2.0), None]
    assert found["words"] == [["no", "yes"], ["否", "是"]]


def test_images_and_classes_that_do_not_fit_are_refused():
    x = models.image((2, 12, 12, 1))
    for images, labels in ((x[:, :8], [0, 1]), (x, [0])):
        with pytest.raises(ValueError, match=r"gallery: x has shape .* expected images"):
            make(Gallery(images, np.array(labels), QUESTION))
    with pytest.raises(ValueError, match="is not of 2 classes"):
        make(Gallery(x, np.array([0, 2]), QUESTION))
    with pytest.raises(ValueError, match="inference mode"):
        make(Gallery(x, np.array([0, 1]), QUESTION), training=True)
