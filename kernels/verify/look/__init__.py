"""The look of every HTML page that this project writes: one palette, one style sheet for documents.

It stands in `kernels`, the lower of the two packages, because both write pages and `kernels` imports nothing of
`convnet`. `palette.css` holds custom properties alone (light, dark, print), for any page, also a documentation site;
`document.css` is for pages of text and tables: the proof, the audit, the model card.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'


def read_palette() -> str:
    """Return the custom properties that name each colour, as CSS."""
    return (FOLDER / "palette.css").read_text(encoding="utf-8")


def read_document_style() -> str:
    """Return the style sheet of a page of text and tables, palette included, as CSS."""
    return read_palette() + (FOLDER / "document.css").read_text(encoding="utf-8")
