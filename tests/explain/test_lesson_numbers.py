"""Every number that the lesson shows is the kernel's, walked through in Chromium."""

import json

import numpy as np
import pytest

from convnet.explain import lesson
from convnet.explain.lessons.subject import Subject
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
# name -> (network, sample shape, training, operations of which CELLS numbers of each pass are walked, FEW of others):
# between them every operation, every loss, both modes, both float types
NETWORKS = {
    "everything": (models.everything, (11, 12, 2), False, EVERYWHERE),
    "everything, in training": (models.everything, (11, 12, 2), True, ("batchnorm", "dropout")),
    "everything in float64": (lambda: models.everything("float64"), (11, 12, 2), False, ()),
    "listing": (models.listing, (28, 28, 1), False, ("dense", "reshape")),
    "formula": (models.formula, (12, 12, 1), False, ()),
    "scores": (models.scores, (9, 9, 8), False, ()),
    "groups": (models.groups, (4, 5, 6), False, ("groupnorm",)),
    "functions": (models.functions, (5, 6, 3), False, ("unary", "log_softmax")),
    "reshaped": (models.reshaped, (6, 6, 4), False, ("maxpool2d", "reshape")),
    "rearranged": (models.rearranged, (6, 7, 4), False, ("arithmetic", "concatenate", "resample", "conv2dtranspose")),
}


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

    from convnet.explain.lessons import lesson as lessons
    from convnet.study.networks import Gap

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
    from convnet.explain.lessons.pack import pack, unpack

    path, _ = pages("formula")
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition('id="lesson">')
    data, _, tail = rest.partition("</script>")
    document = json.loads(data)
    entry = document["tensors"]["mse dp0.0"]
    wrong = unpack(entry)
    wrong.flat[7] *= 1.001
    document["tensors"]["mse dp0.0"] = pack(wrong)
    changed = tmp_path / "changed.html"
    changed.write_text(f'{head}id="lesson">{json.dumps(document)}</script>{tail}', encoding="utf-8")
    browser.load(driver, changed, "#network/0/dp0/7/mse")
    assert driver.find_element("css selector", ".sum .check").get_attribute("class") == "check bad"
    browser.load(driver, changed, "#network/0/dp0/8/mse")
    assert driver.find_element("css selector", ".sum .check").get_attribute("class") == "check ok"
