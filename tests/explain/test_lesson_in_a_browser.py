"""The lesson as a reader meets it: in Chromium, with a mouse and with keys, at a desk and on a phone."""

import numpy as np
import pytest

from convnet.callbacks import Recorder
from convnet.explain import lesson
from tests.explain import browser, models

pytestmark = browser.needs_browser
SIZES = {"desk": (1440, 1000), "phone": (375, 800)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The listing's page with a recorded training."""
    model = models.listing(3)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    recorder = Recorder()
    x, y = models.image((12, 28, 28, 1)), np.arange(12) % 3
    model.fit(x, y, epochs=3, batch_size=4, verbose=0, callbacks=[recorder], validation_data=(x, y))
    made = lesson(model, x[0], 0, recorder=recorder, title="A <b>trained</b> network {{data}}")
    path = tmp_path_factory.mktemp("trained") / "lesson.html"
    made.save(path)
    return path, made


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_view_runs_over_the_page_or_complains(size, dark, driver, trained):
    browser.shape(driver, SIZES[size], dark)
    browser.load(driver, trained[0])
    for view in ("network/0/forward", "network/3/dx0", "network/3/dp0", "step", "training", "toy", "check"):
        driver.execute_script(f"location.hash = {view!r}")
        driver.execute_script("return new Promise((done) => setTimeout(done, 60))")
        width, room = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert width <= room, f"{view} is {width} pixels wide, the window {room}"
        assert driver.find_element("css selector", "#view > div").text
    assert browser.errors(driver) == []
    browser.shape(driver, SIZES["desk"])


def test_a_click_on_a_pixel_lights_up_its_window(driver, trained):
    from selenium.webdriver.common.action_chains import ActionChains

    browser.load(driver, trained[0], "#network/0/forward")
    picture = driver.find_element("css selector", ".asked .picture")
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", picture)
    width, height = picture.size["width"], picture.size["height"]
    cell = lambda i, j: ((j + 0.5) / 26 * width - width / 2, (i + 0.5) / 26 * height - height / 2)  # noqa: E731
    ActionChains(driver).move_to_element_with_offset(picture, *cell(4, 9)).click().perform()
    typed = [e.get_attribute("value") for e in driver.find_elements("css selector", ".place input")]
    assert typed[:2] == ["4", "9"]
    rows = driver.find_elements("css selector", ".terms tbody tr:not(.start) td.cell:nth-child(2)")
    assert [r.text for r in rows] == [f"x[{4 + p}, {9 + q}, 0]" for p in range(3) for q in range(3)]
    outline = driver.find_element("css selector", ".panel:not(.asked) .overlay path.marked").get_attribute("d")
    assert outline.count("M") == 12  # three sides' length on each of four sides
    assert all(piece in outline for piece in ("M9 4h1", "M11 4h1", "M9 7h1", "M9 4v1", "M12 6v1"))


def test_all_can_be_done_with_keys(driver, trained):
    from selenium.webdriver.common.keys import Keys

    browser.load(driver, trained[0], "#network/0/forward/8115")
    value = lambda: driver.switch_to.active_element.get_attribute("aria-valuetext")  # noqa: E731
    driver.execute_script("document.querySelector('.asked .picture').focus()")
    assert value().startswith("y[9, 19, 19] = ")
    driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN, Keys.ARROW_LEFT)
    assert value().startswith("y[10, 18, 19] = ")
    driver.execute_script("document.querySelector('.card[aria-current]').focus()")
    driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT, Keys.ENTER)
    assert driver.find_element("css selector", ".step h3").text.endswith("relu")
    assert driver.switch_to.active_element.get_attribute("aria-current") == "step"  # the focus stays where it was
    driver.execute_script("document.querySelector('[data-direction=forward]').focus()")
    driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT, Keys.ENTER)
    assert driver.find_element("css selector", ".asked h4").text.startswith("dx")
    driver.execute_script("document.querySelector('#tab-network').focus()")
    driver.switch_to.active_element.send_keys(Keys.END, Keys.ENTER)
    assert driver.find_element("css selector", "#view h3").text == "Check every number"
    assert driver.switch_to.active_element.get_attribute("id") == "tab-check"


def test_every_button_and_field_has_a_name(driver, trained):
    browser.load(driver, trained[0])
    nameless = """return [...document.querySelectorAll("button, input, select, [role=slider]")].filter((e) =>
      !(e.getAttribute("aria-label") || e.textContent.trim() || e.closest("label")?.textContent.trim())).length"""
    for view in ("network/0/forward", "network/3/dp0", "step", "training", "toy", "check"):
        driver.execute_script(f"location.hash = {view!r}")
        driver.execute_script("return new Promise((done) => setTimeout(done, 30))")
        assert driver.execute_script(nameless) == 0, view


def test_a_number_leads_to_where_it_came_from(driver, trained):
    browser.load(driver, trained[0], "#network/3/dx0/700")
    focus = driver.find_element("css selector", ".terms tr.focus td.cell").text
    driver.find_element("xpath", "//button[contains(text(), 'Where does')]").click()
    assert driver.find_element("css selector", ".step h3").text.endswith("relu")
    shown = driver.find_element("css selector", ".sum .result span").text
    assert shown == focus.replace("dy", "dx")  # what was the output's gradient there is the input's gradient here


def test_two_languages_and_two_themes(driver, trained):
    browser.load(driver, trained[0])
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = driver.execute_script(paper)
    driver.find_element("css selector", "[data-theme-button]").click()
    assert driver.execute_script(paper) != light
    driver.find_element("css selector", "[data-theme-button]").click()
    assert driver.execute_script(paper) == light
    assert driver.find_element("css selector", ".tabs").text.startswith("The network")
    driver.find_element("css selector", "[data-language]").click()
    assert driver.find_element("css selector", ".tabs").text.startswith("网络")
    assert driver.execute_script("return document.documentElement.lang") == "zh-Hans"
    for view in ("network/3/dp0", "step", "training", "toy", "check"):
        driver.execute_script(f"location.hash = {view!r}")
        driver.execute_script("return new Promise((done) => setTimeout(done, 30))")
        assert "undefined" not in driver.find_element("id", "page").text
    assert browser.errors(driver) == []


def test_the_first_step_of_an_optimizer_is_the_kernels(driver, trained):
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    _, made = trained
    browser.load(driver, trained[0], "#step")
    for name in ("sgd", "adam"):
        driver.find_element("css selector", f"[data-optimizer={name}]").click()
        driver.find_element("css selector", "[data-take]").click()
        hint = WebDriverWait(driver, 30).until(lambda d: d.find_element("css selector", "[data-kernel-loss]"))
        loss = driver.find_element("css selector", ".big").get_attribute("data-after")
        kernel = made.document["optimizers"][name]["loss_after"]["crossentropy"]
        assert float(hint.get_attribute("data-kernel-loss")) == kernel
        assert float(loss) == pytest.approx(kernel, rel=1e-4)
        assert float(loss) < made.document["losses"]["crossentropy"]["value"]
        line = driver.find_element("css selector", ".learning .check")
        assert line.get_attribute("class") == "check ok"
        assert float(line.get_attribute("data-kernel")) != made.document["losses"]["crossentropy"]["value"]
    driver.find_element("css selector", "[data-take]").click()  # a second one, which only the page computes
    status = lambda d: d.find_element("css selector", ".toolbar [role=status]").text  # noqa: E731
    WebDriverWait(driver, 30, ignored_exceptions=[StaleElementReferenceException]).until(lambda d: status(d)[:1] == "2")
    assert float(driver.find_element("css selector", ".big").get_attribute("data-after")) < float(loss)


def test_the_film_of_the_training_plays_to_its_end(driver, trained):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.load(driver, trained[0], "#training")
    epoch = lambda d: d.find_element("css selector", ".training").get_attribute("data-epoch")  # noqa: E731
    WebDriverWait(driver, 10).until(lambda d: epoch(d) == "0")
    picture = "return document.querySelector('.filters canvas').toDataURL()"
    first = driver.execute_script(picture)
    driver.find_element("css selector", "[data-play]").click()
    WebDriverWait(driver, 20).until(lambda d: epoch(d) == "3")
    assert driver.execute_script(picture) != first
    WebDriverWait(driver, 5).until(lambda d: d.find_element("css selector", "[data-play]").text == "Play")


def test_the_toy_convolution_has_the_size_and_sums_of_the_reference(driver, trained):
    from kernels import conv2d

    browser.load(driver, trained[0], "#toy")
    change = """const [name, value] = arguments, field = document.querySelector(`[data-setting=${name}]`);
      field.value = value; field.dispatchEvent(new Event("input"));"""
    read = """const grid = (mark, get) => [...document.querySelectorAll(`[data-key^=${mark}]`)].map(get);
      return [grid("x", (e) => Number(e.textContent)), grid("k", (e) => Number(e.value)),
              grid("y", (e) => Number(e.textContent.replace("−", "-"))),
              Number(document.querySelector(".arithmetic").dataset.outputs)];"""
    rng, fitted = np.random.default_rng(0), 0
    for _ in range(25):
        size, P, s, pad, d = (int(rng.integers(*r)) for r in ((3, 11), (1, 5), (1, 5), (0, 4), (1, 4)))
        for name, value in dict(size=size, kernelsize=P, stride=s, padding=pad, dilation=d).items():
            driver.execute_script(change, name, value)
        x, k, y, outputs = driver.execute_script(read)
        if d * (P - 1) + 1 > size + 2 * pad:
            assert outputs == 0
            continue
        fitted += 1
        square = lambda v, n: np.array(v, float).reshape(1, n, n, 1)  # noqa: E731
        kernel = np.array(k, float).reshape(P, P, 1, 1)
        expected = conv2d.forward(square(x, size), kernel, stride=s, padding=pad, dilation=d, variant="reference")
        assert expected.shape == (1, outputs, outputs, 1)
        assert np.array_equal(np.ravel(expected), y)
    assert fitted > 10


def test_nothing_is_loaded_from_anywhere(driver, trained):
    browser.load(driver, trained[0])
    assert driver.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)") == []
    assert driver.find_element("css selector", "h1").text == "A <b>trained</b> network {{data}}"
