"""One browser, and one page of digits, for all tests that read the lesson."""

import pytest

from tests.explain import browser, models


@pytest.fixture(scope="session")
def driver():
    with browser.opened() as made:
        yield made


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The page of a network after twelve epochs, with a classroom: (path, model, classroom)."""
    import convnet
    from convnet.demo import choose_images, make_digits_network
    from convnet.explain import lesson
    from convnet.explain.lessons.classroom import Classroom

    convnet.set_random_seed(0)
    x, y = models.digits()
    model = make_digits_network("float32")
    fresh = model.get_weights()
    model.fit(x[:1300], y[:1300], epochs=12, verbose=0)
    shown = choose_images(y[1300:], model.predict(x[1300:], verbose=0))
    starts = {"trained": model.get_weights(), "fresh": fresh}
    classroom = Classroom(make_digits_network, x[:1300], y[:1300], x[1300:], y[1300:], starts, shown)
    first = 1300 + shown[-1]
    path = tmp_path_factory.mktemp("playground") / "lesson.html"
    lesson(model, x[first], int(y[first]), classroom=classroom).save(path)
    return path, model, classroom


@pytest.fixture
def page(driver, made):
    """The browser with the page open at the playground."""
    browser.load(driver, made[0], "#playground")
    return driver
