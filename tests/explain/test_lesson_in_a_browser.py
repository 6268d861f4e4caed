"""The lesson as a reader meets it: in Chromium, with a mouse and with keys, at a desk and on a phone."""

import json

import numpy as np
import pytest

from convnet.callbacks import Recorder
from convnet.explain import lesson
from convnet.explain.subject import Subject
from tests.explain import browser, models, oracle

pytestmark = browser.needs_browser

CELLS, FEW = 200, 12
DOUBLE = 2.0**-26  # of a float32 bound: eight roundings in double precision for each in single
EVERYWHERE = (
    "conv2d",
    "relu",
    "sigmoid",
    "softmax",
    "add",
    "maxpool2d",
    "avgpool2d",
    "globalavgpool",
    "batchnorm_inference",
    "dense",
)
SIZES = {"desk": (1440, 1000), "phone": (375, 800)}
# name -> (network, sample shape, training, operations of which CELLS numbers of each pass are walked, FEW of others):
# between them every operation, every loss, both modes, both float types
NETWORKS = {
    "everything": (models.everything, (11, 12, 2), False, EVERYWHERE),
    "everything, in training": (models.everything, (11, 12, 2), True, ("batchnorm", "dropout")),
    "everything in float64": (lambda: models.everything("float64"), (11, 12, 2), False, ()),
    "listing": (models.listing, (28, 28, 1), False, ("dense", "reshape")),
    "formula": (models.formula, (12, 12, 1), False, ()),
    "scores": (models.scores, (9, 9, 8), False, ()),
}


@pytest.fixture(scope="module")
def driver():
    with browser.opened() as made:
        yield made


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Each network's page and what it is about, made once."""
    folder, made = tmp_path_factory.mktemp("lessons"), {}

    def page(name):
        if name not in made:
            network, shape, training, _ = NETWORKS[name]
            model = network()
            x = models.image(shape, dtype=model.compute_dtype)
            path = folder / f"{len(made)}.html"
            lesson(model, x, 1, training=training).save(path)
            made[name] = path, Subject(model, x[None], 1, None, training, None, None)
        return made[name]

    return page


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


WALK = """
const [step, loss, pass, cells] = arguments;
return cells.map((at) => {
  dispatchEvent(new CustomEvent("lesson", { detail: { view: "network", step, pass, at, loss } }));
  const line = document.querySelector(".sum .check");
  return [Number(line.dataset.shown), Number(line.dataset.kernel), Number(line.dataset.bound), line.className,
          document.querySelector(".sum .result b").textContent, line.textContent];
});
"""


def passes_of(subject, t):
    """forward, a gradient for each input, one for each weight that has one."""
    if t == len(subject.trace.steps):
        return ["forward", "dx0"]
    back = subject.backward[next(iter(subject.losses))]
    slopes = [f"dp{n}" for n, share in enumerate(back.dp[t]) if share is not None]
    return ["forward", *(f"dx{n}" for n in range(len(back.dx[t]))), *slopes]


def walks(subject):
    """(step, loss, pass): forward once for both losses, but for the loss itself."""
    for t in range(len(subject.trace.steps) + 1):
        for i, loss in enumerate(subject.losses):
            for passed in passes_of(subject, t):
                if passed != "forward" or i == 0 or t == len(subject.trace.steps):
                    yield t, loss, passed


@pytest.mark.parametrize("name", NETWORKS)
def test_every_sum_shown_is_the_kernels_within_the_rounding_bound(name, driver, pages):
    path, subject = pages(name)
    browser.load(driver, path)
    rng, unit = np.random.default_rng(0), 1.0 if subject.image.dtype == np.float64 else DOUBLE
    for t, loss, passed in walks(subject):
        kernel, exact, bound = oracle.found(subject, t, loss, passed)
        step = subject.trace.steps[t].operation if t < len(subject.trace.steps) else loss
        many = step in NETWORKS[name][3] and loss == subject.chosen_loss
        cells = rng.choice(kernel.size, min(CELLS if many else FEW, kernel.size), replace=False)
        seen = driver.execute_script(WALK, t, loss, passed, cells.tolist())
        where = f"{name}, step {t} {step}, {passed}, {loss}"
        shown, said, allowed = (np.array([row[i] for row in seen]) for i in range(3))
        assert np.array_equal(said, kernel[cells].astype(float)), f"{where}: not the kernel's numbers"
        assert np.all(np.abs(shown - said) <= bound[cells]), f"{where}: a sum is not the kernel's"
        assert np.all(np.abs(shown - exact[cells]) <= bound[cells] * unit), f"{where}: not the reference's sum"
        assert np.all(allowed <= bound[cells] * (1 + 1e-6)), f"{where}: the page allows more than rounding does"
        for value, row in zip(shown, seen, strict=True):
            assert row[3] == "check ok", f"{where}: {row[5]}"
            text = float(row[4].replace("−", "-"))
            assert text == pytest.approx(value, rel=1e-3, abs=1e-300), f"{where}: the text shows another number"
    assert browser.errors(driver) == []


@pytest.mark.parametrize("name", ["everything, in training", "listing"])
def test_the_page_checks_every_number_itself(name, driver, pages):
    from selenium.webdriver.support.ui import WebDriverWait

    path, subject = pages(name)
    browser.load(driver, path, "#check")
    driver.find_element("css selector", "#view .primary").click()
    verdict = WebDriverWait(driver, 120).until(
        lambda d: d.find_element("css selector", "#view .check[data-cells]"), "the check did not end"
    )
    count = sum(oracle.kernels_own(subject, *walk).size for walk in walks(subject))
    assert int(verdict.get_attribute("data-cells")) == count
    assert verdict.get_attribute("data-outside") == "0"


def test_of_a_cut_page_only_what_the_kernels_computed_is_checked(driver, tmp_path, monkeypatch):
    """Where a window leaves the middle that was kept, the page's own numbers go in: no verdict on a kernel there."""
    from selenium.webdriver.support.ui import WebDriverWait

    from convnet.explain import lessons
    from convnet.networks import Gap

    monkeypatch.setattr(lessons, "LIMIT", 1_000_000)
    model = Gap(2)
    model.build((None, 40, 40, 1))
    made = lesson(models.settled(model), models.image((40, 40, 1)), 1)
    assert made.document["cut"] in lessons.CUTS
    path = tmp_path / "cut.html"
    made.save(path)
    browser.load(driver, path, "#network/0/forward/0")
    assert driver.find_element("css selector", ".sum .check").get_attribute("class") == "check none"
    browser.load(driver, path, "#check")
    driver.find_element("css selector", "#view .primary").click()
    verdict = WebDriverWait(driver, 120).until(lambda d: d.find_element("css selector", "#view .check[data-cells]"))
    assert int(verdict.get_attribute("data-cells")) > 10_000
    assert verdict.get_attribute("data-outside") == "0"
    assert "were left out" in verdict.text
    assert f"larger than {made.document['cut']} ×" in driver.find_element("css selector", "footer").text
    assert browser.errors(driver) == []


def test_a_wrong_number_of_a_kernel_is_found(driver, pages, tmp_path):
    """The check can fail: one weight's gradient, changed in the page's data, is outside its bound and marked so."""
    from convnet.explain.pack import packed, unpacked

    path, _ = pages("formula")
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition('id="lesson">')
    data, _, tail = rest.partition("</script>")
    document = json.loads(data)
    entry = document["tensors"]["mse dp0.0"]
    wrong = unpacked(entry)
    wrong.flat[7] *= 1.001
    document["tensors"]["mse dp0.0"] = packed(wrong)
    changed = tmp_path / "changed.html"
    changed.write_text(f'{head}id="lesson">{json.dumps(document)}</script>{tail}', encoding="utf-8")
    browser.load(driver, changed, "#network/0/dp0/7/mse")
    assert driver.find_element("css selector", ".sum .check").get_attribute("class") == "check bad"
    browser.load(driver, changed, "#network/0/dp0/8/mse")
    assert driver.find_element("css selector", ".sum .check").get_attribute("class") == "check ok"


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
