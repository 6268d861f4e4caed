"""The documentation site: Sphinx, with every page of the repository gathered into docs/pages first.

python -m pip install -e '.[docs]' && sphinx-build -W -b html docs docs/_build/html
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "extensions")]

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

# the course's notebooks are executed once, and again only when they or their code change
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "jupyter-cache")
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "show-inheritance": False}

html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"  # typeset by the browser itself, offline
html_title = "formula-convnet"
html_static_path = ["static", "../kernels/verify/look/palette.css"]  # the colours of every page of the project
html_css_files = ["palette.css", "site.css"]
html_js_files = ["site.js"]
html_extra_path = ["pages/live"]
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
