"""Every Markdown page of the repository, and what can be checked in its text."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "benchmarks/*.md", "convnet/**/*.md", "kernels/**/*.md", "docs/**/*.md")
    for path in ROOT.glob(pattern)
    if not {"_build", "pages"} & set(path.parts)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(path: Path) -> str:
    """Return the path within the repository, for a test's name."""
    return path.relative_to(ROOT).as_posix()


def outside_code(text: str) -> str:
    """Return the text without fenced blocks and inline code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def links(path: Path) -> list[str]:
    """Return the links of a page that stay within the repository."""
    return [link for link in LINK.findall(outside_code(path.read_text(encoding="utf-8"))) if "://" not in link]


def anchors(path: Path) -> set[str]:
    """Return the names that a link can give to a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    plain = [re.sub(r"\]\([^)]*\)", "", heading).replace("`", "").strip().lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def commands(path: Path) -> list[str]:
    """Return every line of a page that begins with `convnet `, as code or as inline code."""
    text = path.read_text(encoding="utf-8")
    lines = re.findall(r"^ +(?:\.venv/bin/)?convnet ([a-z].*)$", text, re.MULTILINE)
    return lines + [" ".join(inline.split()) for inline in re.findall(r"`convnet ([a-z][^`]*)`", text)]
