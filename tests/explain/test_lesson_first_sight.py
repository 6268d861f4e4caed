"""The first minute with a page: all of the network and one sum on one screen, several images, words, links, paper."""

from itertools import pairwise

import numpy as np
import pytest

import convnet
from convnet.explain import lesson
from convnet.explain.lessons.gallery import Gallery
from convnet.explain.lessons.trace import trace
from tests.explain import browser, models
from tests.explain.accessibility import needs_axe, violations
from tests.explain.browser import press

pytestmark = browser.needs_browser
SCREENS = [(1440, 900), (1280, 720)]
QUESTION = ("Is there a lesion?", "有病灶吗？")


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    """The listing on four images, of which it names the last wrongly: (path, model, images, labels)."""
    model, x = models.listing(2), models.image((4, 28, 28, 1))
    y = model.predict(x, verbose=0).argmax(axis=1)
    y[3] = 1 - y[3]
    words = (("no lesion", "无病灶"), ("lesion", "有病灶"))
    gallery = Gallery(x[1:], y[1:], QUESTION, words, (13.5, 13.5, 6.0), (int(y[0]),))
    path = tmp_path_factory.mktemp("ct") / "lesson.html"
    lesson(model, x[0], int(y[0]), gallery=gallery).save(path)
    return path, model, x, y


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """A network of one's own: branches, many channels, fourteen columns."""
    layers = convnet.layers
    x = start = convnet.Input((16, 16, 3))
    for filters in (24, 48, 96):
        y = layers.Conv2D(filters, 3, padding="same")(x)
        y = layers.Activation("relu")(layers.BatchNormalization()(y))
        x = layers.MaxPooling2D(2)(layers.Add()([y, layers.Conv2D(filters, 1)(x)]))
    x = layers.GlobalAveragePooling2D()(x)
    model = convnet.Model(start, layers.Dense(5, activation="softmax")(x), name="deep")
    path = tmp_path_factory.mktemp("deep") / "lesson.html"
    lesson(models.settled(model), models.image((16, 16, 3)), 1).save(path)
    return path


def pause(driver):
    driver.execute_script("return new Promise((done) => setTimeout(done, 120))")


def boxes(driver, css):
    """Return left, top, right, bottom of everything that is seen."""
    return driver.execute_script(
        """return [...document.querySelectorAll(arguments[0])].map((e) => e.getBoundingClientRect())
        .filter((r) => r.width > 0).map((r) => [r.left, r.top, r.right, r.bottom])""",
        css,
    )


@pytest.mark.parametrize("size", SCREENS)
@pytest.mark.parametrize("which", ["made", "ct", "deep"])
def test_the_network_x_k_products_y_and_their_sum_are_on_one_screen(which, size, driver, request):
    page = request.getfixturevalue(which)
    path = page if which == "deep" else page[0]
    try:
        browser.shape(driver, size)
        for place in ("network/0/forward", "network/0/dp0"):
            browser.load(driver, path, f"#{place}")
            pause(driver)
            columns = boxes(driver, ".overview .stage-col, .overview .unit")
            assert len(columns) > 10
            result = boxes(driver, ".sum .result")[0]
            pictures = boxes(driver, ".stage .picture")
            assert len(pictures) == (5 if place.endswith("forward") else 4)  # x, its window, k, products, y
            for left, top, right, bottom in columns + pictures:
                assert left >= 0
                assert top >= 0
                assert right <= size[0]
                assert bottom <= result[1] + 1  # above the sum, which is pinned
            assert all(a[0] < b[0] for a, b in pairwise(pictures))  # beside each other
            assert result[3] <= size[1]
            assert driver.execute_script("return scrollY") == 0
    finally:
        browser.shape(driver, (1440, 1000))


def test_of_many_channels_the_rest_is_one_click_away(driver, ct):
    browser.load(driver, ct[0], "#network/0/forward")
    maps = lambda: driver.find_elements("css selector", "[data-stage='1'] [data-map]")  # noqa: E731
    assert len(maps()) == 4
    more = driver.find_element("css selector", "[data-more='1']")
    assert more.text == "+ 28"
    press(driver, "[data-more='1']")
    assert len(maps()) == 32
    driver.execute_script("document.querySelector(\"[data-map='1,7']\").click()")
    typed = [e.get_attribute("value") for e in driver.find_elements("css selector", ".place input")]
    assert typed[2] == "7"
    press(driver, "[data-more='1']")
    shown = [e.get_attribute("data-map") for e in maps()]
    assert "1,7" in shown  # the map that is taken apart stays in sight
    assert len(shown) == 4


def test_the_products_and_their_sum_are_those_of_the_window(driver, ct):
    _, model, x, _ = ct
    kernel, bias = model.get_weights()[:2]
    browser.load(driver, ct[0], f"#network/0/forward/{(4 * 26 + 9) * 32 + 5}")
    number = lambda text: float(text.replace("−", "-"))  # noqa: E731
    shown = [number(e.text) for e in driver.find_elements("css selector", "[data-tour=products] .numbers text")]
    products = (x[0, 4:7, 9:12, 0] * kernel[:, :, 0, 5]).ravel().astype(float)
    assert np.allclose(shown, products, atol=0.006, rtol=0.06)
    lines = driver.find_elements("css selector", ".sum-lines [data-guess]")
    total, start, result = (float(e.get_attribute("data-guess")) for e in lines)
    assert total == pytest.approx(products.sum(), abs=1e-6)
    assert start == pytest.approx(bias[5])
    assert result == pytest.approx(total + start)


def test_another_image_is_computed_as_the_engine_computes_it(driver, ct):
    path, model, x, y = ct
    browser.load(driver, path, "#network/0/forward")
    wrong = "return [...document.querySelectorAll('.gallery .wrong')].map((e) => e.dataset.image)"
    pause(driver)
    assert driver.execute_script(wrong) == ["3"]
    answer = ("no lesion", "lesion")[1 - y[3]]
    assert driver.find_element("css selector", "[data-image='3'] .answer").text.replace("\n", " ") == f"✗ {answer}"
    press(driver, "[data-image='3']")
    found = trace(model, x[3][None])
    back = found.backward(convnet.losses.SparseCategoricalCrossentropy(), np.array([y[3]]))
    read = "return [...document.querySelectorAll('.overview .share, .overview .dot')].map((e) => e.textContent)"
    *shares, loss = driver.execute_script(read)
    assert [float(s.rstrip(" %")) / 100 for s in shares] == pytest.approx(list(found.output[0]), abs=6e-4)
    assert float(loss) == pytest.approx(back.loss, rel=0.06)
    assert "computed by itself" in driver.find_element("css selector", ".sum .check").text
    at = 14 * 28 + 14
    driver.execute_script(f"location.hash = '#network/0/dx0/{at}/crossentropy/3'")
    pause(driver)
    shown = driver.find_element("css selector", ".sum .result b").get_attribute("data-guess")
    assert float(shown) == pytest.approx(float(back.dx[0][0].ravel()[at]), rel=1e-4, abs=1e-7)
    press(driver, "#tab-step")  # other views are about the page's own image
    press(driver, "#tab-network")
    assert browser.errors(driver) == []


def test_the_lesion_is_outlined_and_said_in_words_of_both_languages(driver, ct):
    path, _, _, y = ct
    browser.load(driver, path, "#network/0/forward")
    lit = [n for n in range(4) if y[n] == y[0]]
    outlined = driver.execute_script(
        "return [...document.querySelectorAll('.shelf button:has(.outline)')].map((e) => +e.dataset.image)"
    )
    assert outlined == lit
    x_panel, circle = boxes(driver, ".stage .picture")[0], boxes(driver, ".stage .outline circle:last-child")[0]
    width = x_panel[2] - x_panel[0]
    assert (circle[2] - circle[0]) / width == pytest.approx(12 / 28, abs=0.02)
    middle = lambda box: ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)  # noqa: E731
    assert middle(circle) == pytest.approx(middle(x_panel), abs=1)
    said = lambda css: driver.find_element("css selector", css).text  # noqa: E731
    assert said(".gallery h2") == QUESTION[0]
    assert driver.find_elements("css selector", ".stage-col.last .unit b")[1].text.startswith("lesion")
    driver.find_element("css selector", "[data-language]").click()
    assert said(".gallery h2") == QUESTION[1]
    assert driver.find_elements("css selector", ".stage-col.last .unit b")[1].text.startswith("有病灶")


@needs_axe
@pytest.mark.parametrize("look", ["desk", "dark phone"])
def test_axe_finds_nothing_in_any_view(look, driver, ct, made, deep):
    views = {
        ct[0]: ("network/0/forward", "network/2/forward", "network/3/dx0", "network/9/dx0", "training"),
        made[0]: ("playground", "network/0/dp0", "step", "training", "toy", "check"),
        deep: ("network/4/forward", "network/1/dx0"),
    }
    try:
        browser.shape(driver, (375, 800) if "phone" in look else (1440, 900), "dark" in look)
        for path, places in views.items():
            browser.load(driver, path)
            for place in places:
                driver.execute_script(f"location.hash = '#{place}'")
                pause(driver)
                for details in driver.find_elements("css selector", "details"):
                    driver.execute_script("arguments[0].open = true", details)
                assert violations(driver) == [], f"{look}: {place}"
    finally:
        browser.shape(driver, (1440, 1000))


def test_rows_and_channels_answer_the_keyboard(driver, ct):
    from selenium.webdriver.common.keys import Keys

    browser.load(driver, ct[0], "#network/3/forward")  # 32 channels
    active = lambda: driver.switch_to.active_element  # noqa: E731
    driver.execute_script("document.querySelector('[data-term=\"4\"] button').focus()")
    active().send_keys(Keys.ENTER)
    assert driver.find_element("css selector", ".terms tr.focus").get_attribute("data-term") == "4"
    assert active().get_attribute("aria-label") == "term 5"  # the focus stays where it was
    group = driver.find_element("css selector", ".patch:nth-child(2) [data-group]").get_attribute("data-group")
    driver.execute_script("document.querySelector('.patch:nth-child(2) [data-group]').focus()")
    active().send_keys(Keys.ENTER)
    assert driver.find_element("css selector", ".sum-lines th").text == f"channel {group}"
    assert active().get_attribute("data-group") == group
    mouse_only = """const pointed = (e) => getComputedStyle(e).cursor === "pointer";
      return [...document.querySelectorAll("#page *")].filter((e) => pointed(e) && !pointed(e.parentElement)
      && !e.closest("button, a, input, label, summary, select, [tabindex]")
      && !e.querySelector("button, input")).map((e) => e.outerHTML.slice(0, 80))"""
    assert driver.execute_script(mouse_only) == []


def test_the_tour_leads_from_a_pixel_to_the_answer_and_back(driver, ct):
    from selenium.webdriver.common.keys import Keys

    browser.load(driver, ct[0], "#training")
    press(driver, "[data-tour-start]")
    sentences = set()
    for stop in range(1, 9):
        assert driver.find_element("css selector", ".tour-head .hint").text == f"Stop {stop} of 8"
        sentences.add(driver.find_element("css selector", ".tour-text").text)
        hidden = driver.execute_script("return document.querySelectorAll('.guessed').length")
        assert hidden > 0 or stop in (1, 4, 7, 8)  # counts, and numbers that the page does not show
        left, top, right, bottom = boxes(driver, ".tour-ring")[0]
        assert right - left > 20
        assert top >= -10
        press(driver, "[data-reveal]")
        assert driver.find_element("css selector", ".verdict").text.startswith("It is ")
        driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert len(sentences) == 8
    assert driver.find_elements("css selector", ".tour") == []
    assert browser.errors(driver) == []


def test_words_are_explained_by_mouse_and_by_keys(driver, ct):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.load(driver, ct[0], "#network/0/forward")
    bubble = driver.find_element("id", "bubble")
    ActionChains(driver).move_to_element(driver.find_element("css selector", ".stage .panel h4")).perform()
    assert bubble.text.startswith("x, the input")
    driver.execute_script("document.querySelector('.card[aria-current]').focus()")
    driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert bubble.text.startswith("maxpool2d: max pooling")
    assert driver.switch_to.active_element.get_attribute("aria-describedby") == "bubble"
    driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not bubble.is_displayed()
    assert len(driver.find_elements("css selector", ".glossary dt")) > 20  # all of them in one list, too


def test_the_code_is_folded_and_the_simple_formula_comes_first(driver, ct):
    browser.load(driver, ct[0], "#network/0/forward")
    folded = driver.find_element("css selector", "details.code")
    assert not folded.get_property("open")
    first = driver.find_element("css selector", ".told math").text
    whole = driver.execute_script("return document.querySelector('.code math').textContent")
    assert "top" not in first
    assert "top" in whole
    folded.find_element("css selector", "summary").click()
    assert driver.find_element("css selector", ".code .line.here").is_displayed()


def test_a_link_leads_to_the_number_that_was_looked_at(driver, ct, made):
    browser.load(driver, ct[0], "#network/3/dx0/700/mse/2")
    take = """navigator.clipboard.writeText = async (text) => { window.copied = text; };
      document.querySelector("[data-copy-link]").click(); return window.copied"""
    link = driver.execute_script(take)
    shown = driver.find_element("css selector", ".sum .result").text
    driver.get("about:blank")
    browser.load(driver, ct[0], "#" + link.split("#")[1])
    assert driver.find_element("css selector", ".sum .result").text == shown
    browser.load(driver, made[0], "#playground")
    press(driver, "[data-image='4']")
    press(driver, "[data-unit='3,5']")
    link, name = driver.execute_script(take), driver.find_element("css selector", ".strip-name").text
    browser.load(driver, made[0], "#" + link.split("#")[1])
    assert driver.find_element("css selector", ".strip-name").text == name
    assert driver.find_element("css selector", "[data-image='4']").get_attribute("aria-pressed") == "true"


def test_a_browser_that_forbids_copying_shows_the_link(driver, ct):
    browser.load(driver, ct[0], "#network/0/forward/77")
    driver.execute_script("navigator.clipboard.writeText = async () => { throw new Error('no'); }")
    press(driver, "[data-copy-link]")
    pause(driver)
    field = driver.find_element("css selector", ".shared input")
    assert field.get_attribute("value").endswith("#network/0/forward/77/crossentropy")


def test_a_saved_view_opens_where_it_was_saved(driver, ct, tmp_path):
    browser.load(driver, ct[0], "#network/3/dx0/700/mse/2")
    driver.find_element("css selector", "[data-language]").click()
    shown = driver.find_element("css selector", ".sum .result").text
    saved = driver.execute_script("return module_sharing.savedPage()")
    (tmp_path / "handed-in.html").write_text(saved, encoding="utf-8")
    assert len(saved) == pytest.approx(len(ct[0].read_text(encoding="utf-8")), rel=0.01)
    browser.load(driver, tmp_path / "handed-in.html")
    assert driver.find_element("css selector", ".sum .result").text == shown
    assert driver.execute_script("return document.documentElement.lang") == "zh-Hans"
    assert driver.execute_script("return module_sharing.savedPage()") == saved  # and again, nothing is added
    assert browser.errors(driver) == []


def test_on_paper_nothing_is_cut_nothing_can_be_pressed_and_bars_keep_their_colour(driver, ct):
    browser.load(driver, ct[0], "#network/3/forward")
    try:
        driver.execute_script("dispatchEvent(new Event('beforeprint'))")
        browser.shape(driver, (718, 1000))
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        pause(driver)
        seen = """return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility())"""
        buttons = driver.execute_script(seen + ".map((e) => e.className)", "button, select, input")
        assert set(buttons) <= {"card", "unit", "row-button", "wrong", ""}  # what has a number or a name stays, as text
        assert driver.execute_script(seen, ".code .line.here, .glossary dd, .terms tr")  # nothing is folded
        wide = """.filter((e) => e.getBoundingClientRect().right > 719 || (e.scrollHeight > e.clientHeight + 2
          && !["visible"].includes(getComputedStyle(e).overflowY))).map((e) => e.outerHTML.slice(0, 120))"""
        assert driver.execute_script(seen + wide, "#page div, #page section, #page pre, #page table, .unit") == []
        adjust = "return getComputedStyle(document.querySelector('.bar > span')).printColorAdjust"
        assert driver.execute_script(adjust) == "exact"
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        browser.shape(driver, (1440, 1000))
