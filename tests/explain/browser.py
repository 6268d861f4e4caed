"""A real browser, where there is one: Chromium with its driver, by selenium."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")


def missing() -> str:
    """Why no browser can be driven here; empty where one can."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed: pip install -e '.[test]'"
    if CHROMIUM is None or DRIVER is None:
        return "no Chromium with chromedriver: apt-get install chromium chromium-driver"
    return ""


needs_browser = pytest.mark.skipif(bool(missing()), reason=missing() or "a browser is there")


@contextmanager
def opened(size=(1440, 1000), dark=False):
    """A browser window of this size; its console is read with `errors`."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        driver.set_script_timeout(120)
        shape(driver, size, dark)
        yield driver
    finally:
        driver.quit()


def shape(driver, size, dark=False):
    """Window size and colour scheme, as a phone or a desk has them."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def load(driver, path, place=""):
    """Open a lesson, at a place if one is given, and wait until it is ready."""
    from selenium.webdriver.support.ui import WebDriverWait

    driver.get("about:blank")
    driver.get(f"{path.as_uri()}{place}")
    WebDriverWait(driver, 60).until(
        lambda d: d.execute_script("return document.documentElement.dataset.ready") == "yes"
    )


def errors(driver):
    """What the console complains of since it was last asked."""
    return [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def press(driver, css):
    """Click what the selector finds first, seen or not."""
    driver.execute_script("document.querySelector(arguments[0]).click()", css)
