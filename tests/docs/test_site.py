"""The documentation site, as built: every page of it offline in a real browser, wide and narrow, light and dark."""

import re

import pytest

from tests.docs.markdown import ROOT
from tests.explain import browser

SITE = ROOT / "docs" / "_build" / "html"
PAGES = sorted(path for path in SITE.rglob("*.html") if path.name != "lesson.html" and "_static" not in path.parts)
# of the pages that show a source file, which differ in nothing but its text, the longest and a few others
SHOWN = [path for path in PAGES if "source" not in path.parts]
SHOWN += sorted((path for path in PAGES if "source" in path.parts), key=lambda path: -path.stat().st_size)[:5]
BUILD = "the site has not been built: pip install -e '.[docs]' && sphinx-build -W -b html docs docs/_build/html"

pytestmark = [pytest.mark.skipif(not PAGES, reason=BUILD), browser.needs_browser]
VIEWS = [((1440, 900), False), ((1440, 900), True), ((768, 1024), False), ((390, 844), True), ((390, 844), False)]


@pytest.fixture(scope="module")
def driver():
    with browser.opened() as opened:
        yield opened


def test_no_page_scrolls_sideways_or_complains(driver):
    wrong = []
    for page in SHOWN:
        driver.get(page.as_uri())
        for size, dark in VIEWS:
            browser.shape(driver, size, dark)
            wide = driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth")
            wrong += [f"{page.name}: scrolls sideways at {size}"] * bool(wide)
        wrong += [f"{page.name}: {entry['message']}" for entry in browser.errors(driver)]
    assert wrong == []


def test_nothing_is_loaded_from_elsewhere():
    loads = re.compile(r'<(script|img|iframe|source|link)\b[^>]*\b(src|href)="(https?:)?//')
    assert [str(page) for page in PAGES if loads.search(page.read_text(encoding="utf-8"))] == []


def test_formulas_are_set_as_mathematics(driver):
    browser.shape(driver, (1440, 900))
    driver.get((SITE / "pages/lessons/conv2d.html").as_uri())
    heights = driver.execute_script(
        "return [...document.querySelectorAll('.formula math')].map((m) => m.getBoundingClientRect().height)"
    )
    assert len(heights) >= 6
    assert heights[0] > 30  # a sum with its bounds, not a line of text


def test_the_search_page_finds_a_lesson(driver):
    from selenium.webdriver.support.ui import WebDriverWait

    driver.get(f"{(SITE / 'search.html').as_uri()}?q=winograd")
    found = "return [...document.querySelectorAll('#search-results li a')].map((a) => a.getAttribute('href'))"
    links = WebDriverWait(driver, 20).until(lambda d: d.execute_script(found))
    assert any("lessons/conv2d.html" in link for link in links)


def test_the_lesson_in_the_frame_works(driver):
    from selenium.webdriver.support.ui import WebDriverWait

    driver.get((SITE / "explanation/live_lesson.html").as_uri())
    driver.switch_to.frame(driver.find_element("css selector", "iframe.lesson"))
    ready = "return document.documentElement.dataset.ready"
    assert WebDriverWait(driver, 60).until(lambda d: d.execute_script(ready)) == "yes"
    driver.switch_to.default_content()
