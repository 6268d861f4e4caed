"""What only a reader would notice: words left in English, pictures of signals, numbers too few for a picture."""

import re

import numpy as np
import pytest

import convnet
from convnet.callbacks import Recorder
from convnet.explain import lesson
from convnet.explain.lessons.trace import trace
from convnet.study.networks import Wave
from tests.explain import browser, models

pytestmark = browser.needs_browser
VIEWS = ("network/0/forward", "network/1/dx0", "network/4/dp0", "step", "training", "toy", "check")
WORDS = """
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
while (walker.nextNode())
  if (!walker.currentNode.parentElement.closest("pre, code, math, script, style, h1"))
    found.push(walker.currentNode.data);
for (const e of document.querySelectorAll("[aria-label], [title]")) found.push(e.ariaLabel ?? "", e.title);
return found.join("\\n");
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A strided, padded, dilated network with dropout, trained for an epoch."""
    model = convnet.Sequential(
        [
            convnet.layers.Conv2D(4, 3, strides=2, padding="same", dilation_rate=1, groups=2, activation="relu"),
            convnet.layers.Dropout(0.5),
            convnet.layers.Flatten(),
            convnet.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    x, y, recorder = models.image((4, 10, 10, 2)), np.arange(4)[:, None] % 2, Recorder()
    model.fit(x, y, epochs=1, verbose=0, callbacks=[recorder], validation_data=(x, y))
    made = lesson(model, x[0], 1, training=True, recorder=recorder)
    path = tmp_path_factory.mktemp("readers") / "lesson.html"
    made.save(path)
    return path, made.document


def first_output(model, x):
    """Channel 0 of what the first step makes of a signal."""
    made = trace(model, x[None])
    return made.arrays[made.steps[0].output][0, 0, :, 0]


def visit(driver, view):
    driver.execute_script(f"location.hash = {view!r}")
    driver.execute_script("return new Promise((done) => setTimeout(done, 60))")


def test_in_chinese_no_english_is_left_but_names(driver, trained):
    path, document = trained
    browser.load(driver, path)
    driver.find_element("css selector", "[data-language]").click()
    names = " ".join([*(f"{s['layer']} {s['operation']}" for s in document["steps"]), document["dtype"]])
    names += " ".join(p["name"] for p in document["parameters"]) + " English Softmax sigmoid float argmax"
    allowed = set(re.findall("[A-Za-z]+", names))
    for view in VIEWS:
        visit(driver, view)
        left = set(re.findall("[A-Za-z]{3,}", driver.execute_script(WORDS))) - allowed
        assert left <= {"Adam", "SGD"}, f"{view}: {left}"


def test_the_answer_and_the_loss_stand_in_the_overview_as_numbers(driver, trained):
    path, document = trained
    browser.load(driver, path)
    share = driver.find_element("css selector", ".overview .share").text
    loss = driver.find_element("css selector", ".overview .dot").text
    probability = float(share.rstrip(" %")) / 100
    assert float(loss) == pytest.approx(document["losses"]["crossentropy"]["value"], rel=0.06)
    assert -np.log(probability) == pytest.approx(document["losses"]["crossentropy"]["value"], abs=0.01)


def test_before_training_there_are_no_figures(driver, trained):
    browser.load(driver, trained[0], "#training")
    text = lambda css: driver.execute_script(f"return document.querySelector({css!r})?.textContent")  # noqa: E731
    assert text(".training output") == "Epoch 0: before training"
    assert text(".curves .key b") == "–"
    assert driver.execute_script("return document.querySelector('.curves .now')") is None
    slide = (
        "const s = document.querySelector('.training [type=range]'); s.value = 1; s.dispatchEvent(new Event('input'))"
    )
    driver.execute_script(slide)
    driver.execute_script("return new Promise((done) => setTimeout(done, 300))")
    assert text(".training output") == "Epoch 1"
    assert float(text(".curves .key b")) == pytest.approx(trained[1]["recording"]["logs"][1]["loss"], rel=1e-5)


def test_a_signal_is_a_curve_that_can_be_clicked(driver, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains

    model = Wave(2)
    model.build((None, 1, 300, 2))
    path = tmp_path / "wave.html"
    lesson(models.settled(model), models.image((1, 300, 2)) - 0.5, 1).save(path)
    browser.load(driver, path, "#network/0/forward")
    picture = driver.find_element("css selector", ".asked .picture")
    assert picture.size["height"] > 60
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", picture)
    ActionChains(driver).move_to_element_with_offset(picture, picture.size["width"] // 4, 20).click().perform()
    row, column, _ = (e.get_attribute("value") for e in driver.find_elements("css selector", ".place input"))
    assert row == "0"
    assert abs(int(column) - 225) <= 4
    height = """const c = document.querySelector(".asked .picture canvas"), w = c.width;
      const { data } = c.getContext("2d").getImageData(0, 0, w, c.height);
      return Array.from({ length: 300 }, (_, i) => {
        const x = Math.floor(((i + 0.5) / 300) * w);
        let sum = 0, count = 0;
        for (let y = 0; y < c.height; y++) if (data[4 * (y * w + x) + 3] > 200) { sum += y; count++; }
        return sum / count; })"""
    driver.execute_script("location.hash = '#network/0/forward/0'")
    driver.execute_script("return new Promise((done) => setTimeout(done, 60))")
    drawn = np.array(driver.execute_script(height), float)
    y = first_output(model, models.image((1, 300, 2)) - 0.5)
    assert np.corrcoef(drawn, y)[0, 1] < -0.95  # a large number stands high


def test_the_toys_gradient_is_the_references(driver, trained):
    from kernels import conv2d

    browser.load(driver, trained[0], "#toy")
    change = """const [name, value] = arguments, field = document.querySelector(`[data-setting=${name}]`);
      field.value = value; field.dispatchEvent(new Event("input"));"""
    rng = np.random.default_rng(0)
    for size, P, s, pad, d in ((6, 3, 1, 0, 1), (7, 3, 2, 1, 2), (5, 2, 2, 1, 1)):
        for name, value in dict(size=size, kernelsize=P, stride=s, padding=pad, dilation=d).items():
            driver.execute_script(change, name, value)
        kernel = driver.execute_script("return [...document.querySelectorAll('[data-key^=k]')].map((e) => +e.value)")
        outputs = int(driver.find_element("css selector", ".arithmetic").get_attribute("data-outputs"))
        dy = rng.integers(-4, 5, (1, outputs, outputs, 1)).astype(float)
        k = np.array(kernel, float).reshape(P, P, 1, 1)
        settings = {"stride": s, "padding": pad, "dilation": d, "variant": "reference"}
        dx = conv2d.backward_data(dy, k, (1, size, size, 1), **settings)[0, :, :, 0]
        for h, w in np.ndindex(size, size):
            driver.execute_script(f"document.querySelector('[data-key=\"x{h},{w}\"]').click()")
            text = driver.execute_script("return document.querySelector('[data-gathered]')?.textContent") or ""
            terms = re.findall(r"dy\[(\d+), (\d+)\]·\(?([−\d]+)", text)
            assert sum(dy[0, int(i), int(j), 0] * float(v.replace("−", "-")) for i, j, v in terms) == dx[h, w]


def test_a_toy_kernel_that_does_not_fit_leaves_a_sentence_and_nothing_else(driver, trained):
    browser.load(driver, trained[0], "#toy")
    for name, value in dict(size=3, kernelsize=4).items():
        field = f"const f = document.querySelector('[data-setting={name}]'); f.value = {value};"
        driver.execute_script(f"{field} f.dispatchEvent(new Event('input'))")
    assert "there is no output" in driver.find_element("css selector", ".arithmetic").text
    board = driver.execute_script("return [...document.querySelector('.board').childNodes].map((n) => n.className)")
    assert board == ["arithmetic", "grids"]
