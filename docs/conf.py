"""The documentation site: Sphinx, with every page of the repository gathered into docs/pages first.

python -m pip install -e '.[docs]' && sphinx-build -W -b html docs docs/_build/html
"""

import hashlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "extensions")]


def hash_sources() -> str:
    """Return a hash of everything that a notebook's outputs depend on: our two packages."""
    digest = hashlib.sha256()
    for source in sorted(path for package in ("convnet", "kernels") for path in (ROOT / package).rglob("*.py")):
        digest.update(source.relative_to(ROOT).as_posix().encode() + source.read_bytes())
    return digest.hexdigest()[:16]


project = "formula-convnet"
copyright = "the formula-convnet founders, BSD-3-Clause. For research and teaching only, not for clinical use"
language = "en"

extensions = [
    "gather",
    "live_lesson",
    "mathml",
    "docstrings",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx_design",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "extensions", "static", "pages/live"]

# Markdown as GitHub reads it, with ```math or $$ for formulas
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
highlight_language = "default"

# the course's notebooks are executed once, and again only when they or our sources change: MyST-NB's cache sees the
# notebooks alone, so the sources are part of its path
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / f"jupyter-cache-{hash_sources()}")
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True

smartquotes = False  # quotes in prose are often code
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True}

html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"  # typeset by the browser itself, offline
html_title = "formula-convnet"
html_static_path = ["static", "../kernels/verify/look/palette.css"]  # the colours of every page of the project
html_css_files = ["palette.css", "site.css"]
html_js_files = ["site.js"]
html_extra_path = ["pages/live"]
html_sidebars = {"pages/start": [], "pages/source/**": []}  # pages of no section
html_show_sourcelink = False
html_show_search_summary = False  # the summaries are fetched, which a browser refuses for files on disk
html_copy_source = False
html_theme_options = {
    "logo": {"text": "formula-convnet"},
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_nav_level": 1,
    "show_toc_level": 2,
    "back_to_top_button": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
