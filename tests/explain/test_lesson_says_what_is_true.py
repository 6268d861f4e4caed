"""The lesson's page calls things by their names, and what a reader types or clicks is what the page shows."""

import re
from pathlib import Path

import numpy as np
import pytest

import convnet
from convnet.explain.lessons.lesson import PAGE, lesson
from tests.explain import browser, models
from tests.explain.browser import needs_browser

pytestmark = needs_browser


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    """A convolution, batch normalisation, max pooling and a dense layer, none of them trained."""
    layers = convnet.layers
    model = convnet.Sequential(
        [
            layers.Conv2D(32, 3),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.build((None, 12, 12, 1))
    made = lesson(models.settled(model), models.image((12, 12, 1)), 1)
    path = tmp_path_factory.mktemp("pooled") / "lesson.html"
    made.save(path)
    return path, [step["operation"] for step in made.document["steps"]]


def text(driver, css):
    return driver.execute_script(f"return document.querySelector({css!r})?.innerText ?? ''")


def test_a_number_typed_into_the_toy_is_that_number(driver, pooled):
    browser.load(driver, pooled[0], "#toy")
    field = lambda: driver.find_element("css selector", "[data-key='k0,0']")  # noqa: E731
    rest = driver.execute_script("return [...document.querySelectorAll('[data-key^=k]')].map((e) => +e.value)")
    x = driver.execute_script("return [...document.querySelectorAll('[data-key^=x]')].map((e) => +e.textContent)")
    window = np.reshape(x, (6, 6))[0:3, 1:4]
    driver.find_element("css selector", "[data-key='y0,1']").click()
    for typed in ("-2", "0.5", "-.25", "1e1", "-0"):
        driver.execute_script("arguments[0].select()", field())
        field().send_keys(typed)
        assert float(field().get_attribute("value")) == float(typed)
        total = float(driver.find_element("css selector", ".board [data-sum]").get_attribute("data-sum"))
        assert total == np.sum(window * np.reshape([float(typed), *rest[1:]], (3, 3)))
    driver.execute_script("arguments[0].select()", field())
    field().send_keys("7-")  # no number: the last one that was whole stays
    driver.find_element("css selector", "[data-key='y0,0']").click()
    assert float(field().get_attribute("value")) == 7


def test_the_ink_on_a_cell_has_the_better_contrast(driver, pooled):
    browser.load(driver, pooled[0])
    source = re.sub(r"^import .*$", "", (PAGE / "colours.js").read_text(encoding="utf-8"), flags=re.MULTILINE)
    tones = driver.execute_script(
        source.replace("export ", "")
        + """const tones = [];
        for (const dark of [false, true]) for (let i = -200; i <= 200; i++) tones.push(diverging(i / 200, dark));
        for (let i = 0; i <= 200; i++) tones.push(grey(i / 200));
        return tones.map((tone) => [tone, inkOn(tone)]);"""
    )
    for tone, ink in tones:
        inks = {"#ffffff": (255, 255, 255), "#000000": (0, 0, 0)}
        best = max(contrast(tone, colour) for colour in inks.values())
        assert contrast(tone, inks[ink]) == pytest.approx(best)
        assert best >= 4.5


def contrast(one, other):
    """WCAG 2's contrast ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    c = np.asarray(colour) / 255
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


def test_max_pooling_is_a_comparison_and_its_gradient_shows_who_won(driver, pooled):
    path, operations = pooled
    step = operations.index("maxpool2d")
    browser.load(driver, path, f"#network/{step}/forward")
    shown = text(driver, "#view").lower()
    assert "comparison" in shown
    assert "largest so far" in shown
    assert "running sum" not in shown
    assert "term by term" not in shown
    rows = driver.execute_script("return [...document.querySelectorAll('.terms tbody tr')].map((r) => r.innerText)")
    numbers = np.array([[float(v.replace("−", "-")) for v in (r.split("\t")[2], r.split("\t")[-1])] for r in rows])
    assert np.array_equal(np.maximum.accumulate(numbers[:, 0]), numbers[:, 1])
    browser.load(driver, path, f"#network/{step}/dx0")
    panels = [e.text for e in driver.find_elements("css selector", ".stage h4 i")]
    assert panels == ["x", "dy", "dx"]
    assert driver.find_elements("css selector", ".stage .panel:first-child .marked")  # the window that x was read in
    assert "its largest is x[" in text(driver, ".lines")


def test_a_sum_is_called_a_sum_only_where_the_result_is_one(driver, pooled):
    path, operations = pooled
    browser.load(driver, path, f"#network/{operations.index('softmax')}/forward")
    assert text(driver, ".sum h4") == "The calculation, step by step"
    browser.load(driver, path, "#network/0/forward")
    assert text(driver, ".sum h4") == "The sum, term by term"


def test_a_parameter_is_called_by_its_name(driver, pooled):
    path, operations = pooled
    asked = "return [...document.querySelectorAll('[data-pass]')].map((e) => e.textContent)"
    for operation, names in {
        "conv2d": ["for a number of the kernel: dk", "for a bias: db"],
        "batchnorm_inference": ["for a scale: dγ", "for a shift: dβ"],
        "dense": ["for a weight: dk", "for a bias: db"],
    }.items():
        browser.load(driver, path, f"#network/{operations.index(operation)}/dp1")
        assert driver.execute_script(asked)[1:] == names
        assert text(driver, ".asked h4").split(" gradient of the ")[1].split()[0] == names[1].split()[2].rstrip(":")


def test_a_mode_is_told_by_the_layers_that_have_one(driver, pooled, tmp_path):
    browser.load(driver, pooled[0])
    told = text(driver, ".summary .hint")
    assert "dropout" not in told
    assert "batch normalisation uses the mean and variance kept from training" in told
    model = convnet.Sequential([convnet.layers.Flatten(), convnet.layers.Dropout(0.5), convnet.layers.Dense(2)])
    model.build((None, 4, 4, 1))
    lesson(models.settled(model), models.image((4, 4, 1)), 1).save(tmp_path / "dropout.html")
    browser.load(driver, tmp_path / "dropout.html")
    assert text(driver, ".summary .hint").endswith("Inference mode: dropout is off.")


@pytest.mark.parametrize("size", [(1280, 720), (1440, 900), (390, 844)])
def test_after_a_click_on_a_number_its_sum_is_in_view(driver, pooled, size):
    try:
        browser.shape(driver, size)
        browser.load(driver, pooled[0], "#network/0/forward")
        driver.execute_script("document.querySelector('.asked').scrollIntoView({ block: 'center' })")
        for part in (5, 2):
            driver.execute_script(
                """const picture = document.querySelector(".asked .picture"), r = picture.getBoundingClientRect();
                const [x, y] = [r.left + r.width / arguments[0], r.top + r.height / arguments[0]];
                picture.dispatchEvent(new MouseEvent("click", { clientX: x, clientY: y }))""",
                part,
            )
            top, bottom, height = driver.execute_script(
                """const r = document.querySelector('.sum .result').getBoundingClientRect();
                return [r.top, r.bottom, innerHeight]"""
            )
            assert 0 <= top < bottom <= height
    finally:
        browser.shape(driver, (1440, 1000))


def test_of_a_gradient_with_kept_statistics_the_line_that_computes_it_is_marked(driver, pooled):
    path, operations = pooled
    browser.load(driver, path, f"#network/{operations.index('batchnorm_inference')}/dx0")
    lines = driver.execute_script("return [...document.querySelectorAll('.code .line.here')].map((e) => e.textContent)")
    assert len(lines) == 2
    assert lines[0].strip().startswith("dx[")
    assert not any(line.strip().startswith("y[") for line in lines)


def read_texts():
    """Return every file of the page's sentences, in both languages."""
    return "".join(p.read_text(encoding="utf-8") for p in (PAGE / "i18n.js", *sorted(PAGE.glob("texts-*.js"))))


def test_no_sentence_of_the_page_is_missing_in_a_language():
    source = read_texts()
    used = set(
        re.findall(r"""\bt\(["'`]([\w. ]+)["'`][,)]""", "".join(p.read_text("utf-8") for p in Path(PAGE).glob("*.js")))
    )
    there = dict(re.findall(r'^  "([\w. ]+)": \["(.*)"\],$', source, re.MULTILINE))
    assert used <= set(there)
    assert all('", "' in pair for pair in there.values())


def test_a_filter_is_never_called_by_the_word_for_an_operating_systems_kernel():
    assert not re.search("核数|内核", read_texts().split("const TEXTS")[1])
