"""The page's own arithmetic, where no kernel's number stands beside it: steps of learning, one after the other."""

import pytest

from convnet.explain import lesson
from convnet.explain.lessons.subject import Subject
from convnet.explain.lessons.trace import trace
from tests.explain import browser, models

pytestmark = browser.needs_browser
RATE = 0.1


def losses_after_steps(subject, steps):
    """The loss before, and after each step of gradient descent by the kernels' gradients."""
    loss, target, _ = subject.losses[subject.chosen_loss]
    now, weights, found = subject.trace, {p: p.value for p in subject.parameters}, []
    for _ in range(steps + 1):
        back = now.backward(loss, target)
        found.append(back.loss)
        for p, gradient in back.of_weights(now.steps).items():
            weights[p] = weights[p] - RATE * gradient
        now = trace(subject.model, subject.image, weights=weights)
    return found


def test_three_steps_of_learning_are_those_of_the_kernels(driver, tmp_path):
    """In float64, so that nothing hides in rounding: strides, padding, dilation, groups, every pooling."""
    from selenium.webdriver.support.ui import Select, WebDriverWait

    model = models.everything("float64")
    x = models.image((11, 12, 2), dtype="float64")
    path = tmp_path / "lesson.html"
    lesson(model, x, 1).save(path)
    expected = losses_after_steps(Subject(model, x[None], 1, None, False, None, None), 3)
    assert expected[0] - expected[3] > 1e-3
    browser.load(driver, path, "#step")
    Select(driver.find_elements("css selector", ".learning .choice select")[1]).select_by_value(str(RATE))
    for count in (1, 2, 3):
        driver.find_element("css selector", "[data-take]").click()
        taken = f"return document.querySelector('.toolbar [role=status]').textContent.startsWith('{count}')"
        WebDriverWait(driver, 30).until(lambda d, taken=taken: d.execute_script(taken))
        shown = driver.find_element("css selector", ".big").get_attribute("data-after")
        assert float(shown) == pytest.approx(expected[count], rel=1e-11)
