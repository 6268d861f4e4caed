"""The sentence that stands on every result, picture and page."""

NOTICE = "For research and teaching. Not for clinical use."
