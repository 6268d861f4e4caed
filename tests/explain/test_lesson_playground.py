"""The playground: digits to choose and to draw, the whole network on one screen, and training by the page itself."""

import json

import numpy as np
import pytest

from convnet.explain import lesson
from convnet.explain.lessons.trace import trace
from tests.explain import browser, models
from tests.explain.browser import press
from tests.explain.models import digits

pytestmark = browser.needs_browser

# strokes of ten digits, corners in a unit square
DIGITS = {
    0: [[(4, 0), (1, 3), (1, 7), (4, 10), (7, 7), (7, 3), (4, 0)]],
    1: [[(1, 3), (4, 0), (4, 10)]],
    2: [[(1, 2), (3, 0), (6, 1), (6, 4), (1, 10), (7, 10)]],
    3: [[(1, 0), (6, 1), (6, 4), (3, 5), (6, 6), (6, 9), (1, 10)]],
    4: [[(4, 0), (1, 6), (7, 6)], [(5, 3), (5, 10)]],
    6: [[(5, 0), (2, 4), (1, 8), (4, 10), (6, 8), (5, 6), (2, 7)]],
    7: [[(1, 0), (7, 0), (3, 10)], [(2, 5), (6, 5)]],
}


def wait(driver, condition, seconds=300):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, seconds).until(lambda d: d.execute_script(f"return {condition}"))


def test_a_hundred_steps_in_the_page_are_the_engines(driver, page, made):
    """From trained and from untrained parameters: in double precision to the last digits."""
    _, _, classroom = made
    for start in classroom.starts:
        press(driver, f"[data-start={start}]")
        press(driver, "[data-train=hundred]")
        wait(driver, "document.querySelector('[data-loss-line]').textContent.startsWith('Step 100')")
        wide, losses = classroom.train(start, "float64")
        narrow, single = classroom.train(start, "float32")
        check = driver.find_element("css selector", ".train .check")
        assert "ok" in check.get_attribute("class")
        page_loss, bound = (float(check.get_attribute(f"data-{name}")) for name in ("page", "bound"))
        assert abs(page_loss - losses[-1]) <= bound == 1e-12
        assert abs(page_loss - single[-1]) <= abs(losses[-1] - single[-1]) + bound
        right = (wide.predict(classroom.x_test.astype(float), verbose=0).argmax(1) == classroom.y_test).sum()
        assert int(driver.find_element("css selector", "[data-right]").get_attribute("data-right")) == right
        assert losses[-1] < losses[0]
        assert narrow.count_params() == wide.count_params()


def test_every_parameter_after_the_steps_is_the_engines(driver, page, made):
    _, _, classroom = made
    script = """const done = arguments[1];
      const data = JSON.parse(document.getElementById("lesson").textContent);
      (async () => {
        const network = new module_network.Network(data, await module_unpack.unpackAll(data.tensors));
        const learner = await module_learner.Learner.open(network);
        learner.begin(arguments[0]);
        for (let n = 0; n < 100; n++) learner.step();
        done([learner.losses, learner.weights.map(({ data }) => Array.from(data))]);
      })();"""
    losses, weights = driver.execute_async_script(script, "fresh")
    model, expected = classroom.train("fresh", "float64")
    assert np.abs(np.subtract(losses, expected)).max() <= 1e-12
    moved = 0
    for own, engine, start in zip(weights, model.get_weights(), classroom.starts["fresh"], strict=True):
        assert np.abs(np.ravel(engine) - own).max() <= 1e-10
        moved = max(moved, np.abs(np.ravel(start) - own).max())
    assert moved > 0.1


def test_learning_from_a_digit_changes_its_wrong_answer(driver, page, made):
    _, _, classroom = made
    last = len(classroom.shown) - 1
    press(driver, f"[data-image='{last}']")
    assert driver.execute_script(
        f"return document.querySelector('[data-image=\"{last}\"]').classList.contains('wrong')"
    )
    label = str(classroom.y_test[classroom.shown[last]])
    top = "document.querySelector('.last .top b').textContent"
    assert driver.execute_script(f"return {top}") != label
    for _ in range(5):
        press(driver, "[data-train=single]")
        if driver.execute_script(f"return {top}") == label:
            break
    assert driver.execute_script(f"return {top}") == label
    wrong = f"return document.querySelector('[data-image=\"{last}\"]').classList.contains('wrong')"
    assert not driver.execute_script(wrong)
    assert "did not take these steps" in driver.find_element("css selector", ".train .check").text


def test_every_column_shows_the_kernels_numbers_and_their_sums(driver, page, made):
    _, model, classroom = made
    image = classroom.x_test[classroom.shown[3]]
    press(driver, "[data-image='3']")
    found = trace(model, image[None])
    arrays = [found.arrays[s.output][0].ravel() for s in found.steps]
    steps = {1: (0, 1, 8), 2: (2, 2, 8), 3: (3, 4, 16), 4: (6, 7, 10)}  # column: its operation, its end, its units
    for column, (operation, end, units) in steps.items():
        for unit in (0, units // 2, units - 1):
            press(driver, f"[data-unit='{column},{unit}']")
            at = max(range(unit, arrays[end].size, units), key=lambda n: (arrays[end][n], -n))
            shown = [float(e.get_attribute("data-guess")) for e in driver.find_elements("css selector", ".strip .num")]
            assert shown[-1] == pytest.approx(arrays[end][at], rel=1e-5, abs=1e-5)
            if column != 2:
                products, bias, total, _ = shown
                assert total == pytest.approx(arrays[operation][at], rel=1e-5, abs=1e-5)
                assert products + bias == pytest.approx(total, abs=1e-12)


def test_a_drawing_is_brought_to_the_data_sets_form(driver, page, made):
    """Whole sixteenths, as much ink as the data set, all eight rows; the same wherever it is drawn."""
    images = "return arguments[0].map((strokes) => Array.from(module_ink.imageOf(strokes).data))"
    drawn = [[[[x / 20 + 0.1, y / 20 + 0.1] for x, y in stroke] for stroke in d] for d in DIGITS.values()]
    moved = [[[[x / 15 + 0.3, y / 15 + 0.2] for x, y in stroke] for stroke in d] for d in DIGITS.values()]
    found = np.array(driver.execute_script(images, drawn)).reshape(-1, 8, 8)
    assert np.array_equal(found * 16, np.round(found * 16))
    assert np.abs(found - np.array(driver.execute_script(images, moved)).reshape(-1, 8, 8)).max() <= 1 / 8
    x, _ = digits()
    assert found.mean() == pytest.approx(x.mean(), abs=0.02)
    assert (found.sum(axis=2) > 0).all()  # every row has ink
    assert found[:, :, [0, 7]].mean() < 0.03  # the outer columns have next to none, as in the data set
    answers = made[1].predict(found[..., None].astype(np.float32), verbose=0).argmax(axis=1)
    assert (answers == list(DIGITS)).sum() >= len(DIGITS) - 1


def test_a_digit_can_be_drawn_by_mouse_and_by_keys(driver, page, made):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    pad = driver.find_element("css selector", "[data-pad]")
    size = pad.size["width"]
    mouse = ActionChains(driver).move_to_element_with_offset(pad, 0, -size // 4).click_and_hold()
    mouse.move_by_offset(0, size // 4).move_by_offset(0, size // 4).release().perform()
    shown = "return [...document.querySelectorAll('.digits text')].map((e) => e.textContent)"
    frame = "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    driver.execute_script(frame)  # a drawing is shown with the next frame
    by_mouse = driver.execute_script(shown)
    press(driver, "[data-clear]")
    driver.execute_script(frame)
    assert set(driver.execute_script(shown)) == {"0"}
    pad.send_keys(" ", *[Keys.ARROW_DOWN] * 8, " ")
    driver.execute_script(frame)
    assert driver.execute_script(shown) == by_mouse
    assert driver.find_element("css selector", ".last .top b").text == "1"
    assert driver.find_element("css selector", "[data-train=single]").get_attribute("disabled")  # it has no label
    pad.send_keys(Keys.DELETE)
    driver.execute_script(frame)
    assert set(driver.execute_script(shown)) == {"0"}


def test_the_window_slides_while_a_map_is_hovered_and_products_fly(driver, page):
    from selenium.webdriver.common.action_chains import ActionChains

    unit = driver.find_element("css selector", "[data-unit='1,2']")
    places = """const done = arguments[0], seen = new Set(), begun = performance.now(); let flew = 0;
      (function look() {
        const frame = document.querySelector(".first .window").style.transform;
        seen.add(frame); flew = Math.max(flew, document.querySelectorAll(".flyer").length);
        if (performance.now() - begun < 1500) requestAnimationFrame(look); else done([seen.size, flew]);
      })();"""
    ActionChains(driver).move_to_element(unit).perform()
    moved, flew = driver.execute_async_script(places)
    assert moved > 5
    assert flew == 9
    ActionChains(driver).move_to_element(driver.find_element("css selector", "h1")).perform()


def test_without_motion_nothing_moves_and_everything_is_reached(driver, made):
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.load(driver, made[0], "#playground")
    moving = "return document.querySelectorAll('.flyer').length + document.getAnimations().length"
    name = lambda: driver.find_element("css selector", ".strip-name").text  # noqa: E731
    assert not driver.find_element("css selector", "[data-walk=play]").is_displayed()
    press(driver, "[data-unit='1,2']")
    seen = {name()}
    for _ in range(35):
        press(driver, "[data-walk=on]")
        assert driver.execute_script(moving) == 0
        seen.add(name())
    assert len(seen) == 36
    before = name()
    hover = "const e = new PointerEvent('pointerenter', { pointerType: 'mouse' }); "
    driver.execute_script(hover + "document.querySelector(\"[data-unit='1,3']\").dispatchEvent(e)")
    driver.execute_script("return new Promise((done) => setTimeout(done, 400))")
    assert name() == before  # a map that is pointed at does not start to move
    press(driver, "[data-train=one]")
    dots = "return [...document.querySelectorAll('.dot-moving')].map((e) => +e.style.opacity)"
    assert max(driver.execute_script(dots)) == 0
    browser.shape(driver, (1440, 1000))


@pytest.mark.parametrize("size", [(1440, 900), (1280, 720)])
def test_the_network_and_the_sum_are_on_one_screen(driver, page, size):
    browser.shape(driver, size)
    for unit in ("1,3", "2,0", "3,5", "4,9"):
        press(driver, f"[data-unit='{unit}']")
        boxes = (
            "return ['.net', '.strip', '.train', '.pad'].map((c) => document.querySelector(c).getBoundingClientRect())"
        )
        for box in driver.execute_script(boxes):
            assert box["top"] >= 0
            assert box["bottom"] <= size[1]
            assert box["right"] <= size[0]
    assert browser.errors(driver) == []
    browser.shape(driver, (1440, 1000))


def test_loops_over_whole_arrays_give_the_same_bits_as_the_explained_sums(driver, made, tmp_path):
    """With every setting, and on digits, whose zeros after ReLU are ties of max pooling."""
    path = tmp_path / "lesson.html"
    lesson(models.everything(), models.image((11, 12, 2)), 1).save(path)
    compare = """const done = arguments[0], data = JSON.parse(document.getElementById("lesson").textContent);
      (async () => {
        const network = new module_network.Network(data, await module_unpack.unpackAll(data.tensors)), found = {};
        network.steps.forEach((step, t) => {
          const c = network.context(t, data.chosen_loss);
          for (const [name, pass] of Object.entries(module_operations.operations[step.operation]))
            if (pass.array) {
              const account = new module_account.Account("float64", false), whole = pass.array(c);
              found[`${step.operation} ${name}`] = Array.from(whole).every((v, at) => {
                account.clear(); pass.run(c, at, account); return Object.is(v, account.value); }); } });
        done(found);
      })();"""
    for page in (path, made[0]):
        browser.load(driver, page)
        found = driver.execute_async_script(compare)
        assert {"conv2d forward", "relu dx0", "maxpool2d forward", "maxpool2d dx0", "dense dp0"} <= set(found)
        assert all(found.values()), json.dumps(found)
