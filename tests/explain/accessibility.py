"""axe-core in the page, where it is installed: npm install --prefix ENVIRONMENT/axe axe-core (see .ci/run)."""

import sys
from pathlib import Path

import pytest

AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
needs_axe = pytest.mark.skipif(not AXE.exists(), reason=f"no axe-core: npm install --prefix {sys.prefix}/axe axe-core")
RUN = """const done = arguments[0];
axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
  done(violations.map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes[0].html.slice(0, 200)}`)));"""


def violations(driver):
    """Return what axe-core finds in the page as it is, of any level."""
    if not driver.execute_script("return typeof axe !== 'undefined'"):
        driver.execute_script(AXE.read_text(encoding="utf-8"))
    return driver.execute_async_script(RUN)
