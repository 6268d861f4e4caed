"""The guided tour, and predicting numbers: a guess is right within rounding, and a usual mistake is named."""

from itertools import pairwise

import numpy as np
import pytest

from tests.explain import browser
from tests.explain.browser import press

pytestmark = browser.needs_browser
ENTER, ESCAPE, LEFT, RIGHT = "\ue007", "\ue00c", "\ue012", "\ue014"  # as WebDriver writes them


def text(driver, css):
    return driver.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", css)


def answer(driver, guess):
    """Type a guess; return the verdict."""
    field = driver.find_element("css selector", "[data-guess-field]")
    field.clear()
    field.send_keys(guess, ENTER)
    return text(driver, ".verdict")


def strip(driver):
    """Return the products, the bias, the sum and the result of the number that is shown."""
    return [float(e.get_attribute("data-guess")) for e in driver.find_elements("css selector", ".strip .num")]


def test_the_tour_goes_by_keys_through_nine_stops_and_each_ends_in_a_number(driver, page):
    press(driver, "[data-tour-start]")
    sentences = set()
    for stop in range(1, 10):
        assert text(driver, ".tour-head .hint") == f"Stop {stop} of 9"
        sentences.add(text(driver, ".tour-text"))
        assert text(driver, ".tour-ask").startswith("Now you: ")
        hidden = driver.execute_script("return document.querySelectorAll('.guessed').length")
        card, ring = (driver.find_element("css selector", css).rect for css in (".tour", ".tour-ring"))
        assert 0 <= card["x"] <= 1440 - card["width"]
        assert 0 <= card["y"] <= 1000 - card["height"]
        assert ring["width"] > 20
        press(driver, "[data-reveal]")
        assert text(driver, ".verdict").startswith("It is ")
        assert driver.execute_script("return document.querySelectorAll('.guessed').length") == 0
        assert hidden > 0 or stop in (1, 5, 8, 9)  # counts and gradients that the page does not show
        assert driver.switch_to.active_element.get_attribute("data-next") is not None
        driver.switch_to.active_element.send_keys(ENTER)
    assert len(sentences) == 9
    assert driver.find_elements("css selector", ".tour, .tour-ring, .tour-arrow") == []


def test_escape_leaves_the_tour_and_gives_the_focus_back(driver, page):
    driver.execute_script("document.querySelector('[data-tour-start]').focus()")
    driver.switch_to.active_element.send_keys(ENTER)
    driver.switch_to.active_element.send_keys(RIGHT, RIGHT, LEFT)
    assert text(driver, ".tour-head .hint") == "Stop 2 of 9"
    driver.switch_to.active_element.send_keys(ESCAPE)
    assert driver.find_elements("css selector", ".tour") == []
    assert "?" not in text(driver, ".strip")
    assert driver.switch_to.active_element.get_attribute("data-tour-start") is not None


def test_the_tours_answers_are_the_pages_numbers(driver, page):
    press(driver, "[data-tour-start]")
    assert answer(driver, "63").startswith("Close")
    assert answer(driver, "64") == "Right: 64."
    press(driver, "[data-next]")
    press(driver, "[data-next]")
    products = strip(driver)[0]
    assert answer(driver, f"{products:.2f}").startswith("Right")
    for _ in range(2):
        press(driver, "[data-next]")
    assert answer(driver, "36") == "Right: 36."
    for _ in range(3):
        press(driver, "[data-next]")
    label, p = text(driver, ".last .truth b"), float(text(driver, ".last .truth .share").rstrip(" %").replace("<", ""))
    assert f"the label is {label}" in text(driver, ".tour-ask")
    assert answer(driver, f"{p / 100 - 1:.2f}").startswith("Right")
    driver.switch_to.active_element.send_keys(ESCAPE)


def test_any_number_can_be_predicted_and_the_likely_mistake_is_named(driver, page):
    press(driver, "[data-unit='1,0']")
    products, bias, total, _ = strip(driver)
    assert abs(bias) > 0.01
    press(driver, "[data-predict]")
    press(driver, ".strip [data-part=sum]")
    assert text(driver, ".strip [data-part=sum]") == "?"
    assert answer(driver, f"{-total:.3f}") == "The size is right; look at the sign."
    assert answer(driver, f"{products:.4f}") == "That is the sum without the bias b."
    assert answer(driver, f"{products - bias:.4f}") == "The bias b is added, not subtracted."
    assert answer(driver, f"{10 * total:.3f}").startswith("The digits are right")
    assert answer(driver, "nine").startswith("Type a number")
    assert answer(driver, f"{total + 0.7 * abs(total):.2f}").startswith("Not this number")
    assert answer(driver, f"{total:.2f}").startswith("Right")
    assert text(driver, ".strip [data-part=sum]") != "?"
    press(driver, "[aria-label=Close]")
    press(driver, "[data-predict]")


def test_mistakes_of_the_kernel_are_named(driver, page):
    """Turned by 180°, a product left out, ReLU forgotten, a sum for a maximum: from numbers of our own."""
    rng = np.random.default_rng(3)
    x, k, b = rng.integers(1, 9, 9), rng.permutation([-7, 2, 5, -3, 4, 1, -6, 8, 3]), 2
    terms = [{"a": int(a), "b": int(f), "product": int(a * f)} for a, f in zip(x, k, strict=True)]
    total = int(x @ k) + b
    largest = max(terms, key=lambda term: abs(term["product"]))
    account = {"terms": terms, "start": b, "value": total, "chosen": None}
    judge = "return arguments[0].map(([guess, asked]) => module_mistakes.likelyMistake(guess, asked))"
    asked = {"value": total, "account": account, "part": "sum"}
    negative = {**account, "value": -5, "rectified": True}
    window = {"terms": [{"a": v, "b": None} for v in (1, 7, 2, 4)], "start": None, "value": 7, "chosen": 1}
    found = driver.execute_script(
        judge,
        [
            [str(int(x @ k[::-1]) + b), asked],
            [str(total - largest["product"]), asked],
            [str(int(x @ np.abs(k)) + b), asked],
            ["-5", {"value": 0, "account": negative, "part": "activation"}],
            ["14", {"value": 7, "account": window, "part": "sum"}],
            ["3.5", {"value": 7, "account": window, "part": "sum"}],
            ["12", {"value": 35, "account": {"a": 5, "b": 7}, "part": "product"}],
        ],
    )
    assert found == ["turned", "missing", "unsigned", "relu", "added", "mean", "added"]


@pytest.mark.parametrize(
    ("guess", "value", "right"),
    [
        ("0.72", 0.7234, True),
        ("0.73", 0.7234, False),
        ("1", 0.7234, False),  # one digit is no rounding of everything
        (".7234", 0.7234, True),
        ("-0.5", -0.5, True),
        ("−0.50", -0.498, True),
        ("3e-5", 2.96e-5, True),
        ("0", 0, True),
        ("0.1", 0, False),
        ("97.6 %", 97.56, True),
        ("2,000", 2000, True),
        ("", 0, False),
    ],
)
def test_a_guess_is_right_within_its_rounding(guess, value, right, driver, made):
    if driver.execute_script("return typeof module_mistakes") == "undefined":
        browser.load(driver, made[0])
    assert driver.execute_script("return module_mistakes.isRight(arguments[0], arguments[1])", guess, value) is right


@pytest.mark.parametrize("place", ["network/0/forward", "network/3/dx0", "toy", "step"])
def test_in_every_view_the_keys_reach_a_number_to_predict(place, driver, made):
    browser.load(driver, made[0], f"#{place}")
    press(driver, "[data-predict]")
    for _ in range(3):
        press(driver, "[data-step-number='1']")
        assert len(driver.find_elements("css selector", ".guessed")) >= 1
        assert driver.switch_to.active_element.get_attribute("data-guess-field") is not None
    driver.switch_to.active_element.send_keys(ESCAPE)
    assert driver.find_elements("css selector", ".guess-box, .guessed") == []
    assert browser.errors(driver) == []


def test_the_window_walks_over_the_chosen_map_and_the_products_fly(driver, made):
    browser.load(driver, made[0], "#network/0/forward")
    watch = """const done = arguments[0], seen = new Set(), begun = performance.now(); let flew = 0;
      document.querySelector("[data-play-window]").click();
      (function look() {
        seen.add(document.querySelector(".sum .result span").textContent);
        flew = Math.max(flew, document.querySelectorAll(".flyer").length);
        if (seen.size < 4 && performance.now() - begun < 60000) requestAnimationFrame(look);
        else done([[...seen], flew]);
      })();"""
    seen, flew = driver.execute_async_script(watch)
    press(driver, "[data-play-window]")
    places = [[int(v) for v in cell.removeprefix("y[").rstrip("]").split(",")] for cell in seen]
    steps = [(6 * b[0] + b[1] - 6 * a[0] - a[1]) % 36 for a, b in pairwise(places)]
    assert len(places) >= 3
    assert set(steps) == {1}  # row by row, in one map
    assert flew == 9
    driver.execute_script("location.hash = '#toy'")
    assert browser.errors(driver) == []


def test_turning_backward_sends_dots_against_the_arrows(driver, made):
    browser.load(driver, made[0], "#network/2/forward")
    watch = """const done = arguments[1], places = new Map(), begun = performance.now();
      document.querySelector(`[data-direction=${arguments[0]}]`).click();
      (function look() {
        const dots = [...document.querySelectorAll(".graph .dot-moving")];
        for (const [n, dot] of dots.entries())
          if (dot.style.opacity === "1")
            places.set(n, [...(places.get(n) ?? []), new DOMMatrix(dot.style.transform).m41]);
        const over = places.size && dots.every((dot) => dot.style.opacity === "0");
        if (!over && performance.now() - begun < 60000) requestAnimationFrame(look); else done([...places.values()]);
      })();"""
    for direction, sign in (("backward", -1), ("forward", 1)):
        dots = driver.execute_async_script(watch, direction)
        assert len(dots) > 10
        assert max(len(dot) for dot in dots) > 3
        assert all((sign * np.diff(dot) >= 0).all() for dot in dots)
