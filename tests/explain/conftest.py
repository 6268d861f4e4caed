"""One browser for all tests that read the lesson."""

import pytest

from tests.explain import browser


@pytest.fixture(scope="session")
def driver():
    with browser.opened() as made:
        yield made
