"""Markdown as a PDF file to print, by ReportLab: headings, lists, tables, code, formulas and pictures.

The typeface is DejaVu, which comes with Matplotlib and has every sign that the course uses. The same text gives the
same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from convnet.course.teacher.formulas import draw_formula

INSTALL = "pip install 'formula-convnet[teacher]'"
FACES = {"": "DejaVuSans", "-Bold": "DejaVuSans-Bold", "-Italic": "DejaVuSans-Oblique"}
FACES |= {"-BoldItalic": "DejaVuSans-BoldOblique", "Mono": "DejaVuSansMono"}
INK, FAINT, ACCENT = "#1b1f24", "#f3f4f6", "#0058a3"
INCH, DOTS = 72, 300  # points and pixels
Picture = Callable[[str], bytes]  # a picture's address in the text -> its PNG file


@dataclass(frozen=True)
class Look:
    """The size of a page and of its text, in points."""

    page: tuple[float, float] = (595.3, 841.9)  # A4
    margin: float = 48
    text: float = 9.5
    code: float = 6.8
    picture: float = 200  # the greatest height of a picture
    whole: bool = False  # a text is one page, and is made smaller if it does not fit


SHEET = Look()
SLIDE = Look(page=(960, 540), margin=54, text=19, code=18, picture=270, whole=True)


def make_pdf(title: str, pages: Sequence[str], look: Look, picture: Picture | None = None) -> bytes:
    """Return a PDF file in which each text begins on a new page; ImportError without ReportLab."""
    try:
        from reportlab.platypus import KeepInFrame, PageBreak, SimpleDocTemplate
    except ImportError:
        raise ImportError(f"PDF files are made by ReportLab, which is not installed: {INSTALL}") from None
    setter = Setter(look, picture or _no_picture)
    flow: list[Any] = []
    for number, text in enumerate(pages):
        blocks = list(setter.blocks(text))
        if look.whole:
            blocks = [KeepInFrame(setter.width, look.page[1] - 2 * look.margin - 12, blocks, mode="shrink")]
        flow += [PageBreak()] * (number > 0) + blocks
    out = BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), look.margin)
    document = SimpleDocTemplate(out, pagesize=look.page, title=title, author="formula-convnet", invariant=1, **margins)

    def foot(canvas: Any, document: Any) -> None:
        canvas.setFont(FACES[""], 7.5 if look is SHEET else 10)
        canvas.setFillColor("#666666")
        canvas.drawString(look.margin, look.margin / 2, title)
        canvas.drawRightString(look.page[0] - look.margin, look.margin / 2, str(document.page))

    document.build(flow, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def _no_picture(address: str) -> bytes:
    raise ValueError(f"paper: no picture {address!r}")


@dataclass
class Setter:
    """Sets the blocks of a text, one after the other."""

    look: Look
    picture: Picture
    styles: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        _register_faces()
        from reportlab.lib.styles import ParagraphStyle

        size = self.look.text
        plain = ParagraphStyle(
            "text", fontName=FACES[""], fontSize=size, leading=1.4 * size, textColor=INK, spaceAfter=0.5 * size
        )
        self.styles = {"text": plain}
        for level, scale in ((1, 1.9), (2, 1.4), (3, 1.1)):
            self.styles[f"h{level}"] = ParagraphStyle(
                f"h{level}", plain, fontName=FACES["-Bold"], fontSize=scale * size, leading=1.25 * scale * size,
                spaceBefore=(1.2 if level > 1 else 0) * size, spaceAfter=0.5 * size, keepWithNext=1,
                textColor=ACCENT if level < 3 else INK,
            )  # fmt: skip
        self.styles["cell"] = ParagraphStyle("cell", plain, fontSize=0.88 * size, leading=1.22 * size, spaceAfter=0)
        self.styles["code"] = ParagraphStyle(
            "code", plain, fontName=FACES["Mono"], fontSize=self.look.code, leading=1.45 * self.look.code,
            backColor=FAINT, borderPadding=0.5 * size, leftIndent=0.5 * size,
            spaceBefore=0.6 * size, spaceAfter=1.1 * size,
        )  # fmt: skip
        self.styles["quote"] = ParagraphStyle("quote", plain, leftIndent=size, textColor="#444444")

    @property
    def width(self) -> float:
        """The width of the text, in points."""
        return self.look.page[0] - 2 * self.look.margin

    def blocks(self, text: str) -> Iterator[Any]:
        """Yield the text's blocks as ReportLab's flowables."""
        tree = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text))
        for node in tree.children:
            yield from self.block(node)

    def block(self, node: SyntaxTreeNode, style: str = "text") -> Iterator[Any]:
        """Yield the flowables of one block."""
        from reportlab.platypus import Paragraph, Preformatted

        if node.type == "heading":
            yield Paragraph(_inline(node.children[0]), self.styles[f"h{min(int(node.tag[1]), 3)}"])
        elif node.type == "paragraph":
            pictures = [n for n in node.children[0].children if n.type == "image"]
            if pictures:
                yield from (self.image(self.picture(str(n.attrs["src"]))) for n in pictures)
            else:
                yield Paragraph(_inline(node.children[0]), self.styles[style])
        elif node.type == "fence" and node.info == "math":
            yield self.formula(node.content)
        elif node.type == "fence" and node.info == "lines":
            yield from self.lines(int(node.content))
        elif node.type in ("fence", "code_block"):
            yield Preformatted(node.content.rstrip(), self.styles["code"])
        elif node.type in ("bullet_list", "ordered_list"):
            yield self.list(node)
        elif node.type == "table":
            yield from self.table(node)
        elif node.type == "blockquote":
            for child in node.children:
                yield from self.block(child, "quote")
        elif node.type == "hr":
            yield from self.rule()
        else:
            raise ValueError(f"paper: Markdown's {node.type} is not set; write it otherwise")

    def list(self, node: SyntaxTreeNode) -> Any:
        """Return a list, of which each item is made of blocks."""
        from reportlab.platypus import ListFlowable, ListItem

        size = self.look.text
        items = [ListItem([b for child in item.children for b in self.block(child)]) for item in node.children]
        ordered = node.type == "ordered_list"
        return ListFlowable(
            items, bulletType="1" if ordered else "bullet", bulletFontName=FACES[""], bulletFontSize=size,
            start=(node.attrs.get("start", 1) if ordered else "•"), leftIndent=1.8 * size, bulletColor=INK,
        )  # fmt: skip

    def table(self, node: SyntaxTreeNode) -> Iterator[Any]:
        """Yield a table, its columns as wide as their texts ask for."""
        from reportlab.platypus import Paragraph, Spacer, Table

        rows = [[_inline(cell.children[0]) for cell in row.children] for part in node.children for row in part.children]
        longest = [min(max(len(text) for text in column), 60) + 3 for column in zip(*rows, strict=True)]
        widths = [self.width * n / sum(longest) for n in longest]
        head = [[Paragraph(f"<b>{text}</b>", self.styles["cell"]) for text in rows[0]]]
        body = [[Paragraph(text, self.styles["cell"]) for text in row] for row in rows[1:]]
        look = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, "#bbbbbb")]
        look += [("BACKGROUND", (0, 0), (-1, 0), FAINT)]
        yield Table(head + body, widths, style=look, repeatRows=1)
        yield Spacer(1, self.look.text)

    def formula(self, tex: str) -> Any:
        """Return a formula, in the middle."""
        from PIL import Image

        png = draw_formula(tex, "png", 1.25 * self.look.text, DOTS)
        width, height = (INCH * n / DOTS for n in Image.open(BytesIO(png)).size)
        return self._drawn(png, width, height)

    def image(self, png: bytes) -> Any:
        """Return a picture, as large as may be."""
        from PIL import Image

        width, height = Image.open(BytesIO(png)).size
        scale = min(self.look.picture / height, self.width / width)
        return self._drawn(png, width * scale, height * scale)

    def _drawn(self, png: bytes, width: float, height: float) -> Any:
        from reportlab.platypus import Image

        drawn = Image(BytesIO(png), width, height)
        drawn.spaceBefore = drawn.spaceAfter = 0.6 * self.look.text
        return drawn

    def rule(self) -> Iterator[Any]:
        """Yield a line across the page."""
        from reportlab.platypus import HRFlowable

        yield HRFlowable("100%", 0.4, color="#bbbbbb", spaceBefore=self.look.text / 2, spaceAfter=self.look.text / 2)

    def lines(self, count: int) -> Iterator[Any]:
        """Yield empty lines to write on."""
        from reportlab.platypus import HRFlowable

        for _ in range(count):
            yield HRFlowable("100%", 0.4, color="#cccccc", spaceBefore=2 * self.look.text, spaceAfter=0)


def _inline(node: SyntaxTreeNode) -> str:
    """Return a line's text in ReportLab's markup."""
    made = []
    for child in node.children:
        if child.type == "text":
            made.append(escape(child.content))
        elif child.type in ("softbreak", "hardbreak"):
            made.append(" " if child.type == "softbreak" else "<br/>")
        elif child.type == "code_inline":
            made.append(f'<font face="{FACES["Mono"]}">{escape(child.content)}</font>')
        elif child.type in ("strong", "em"):
            tag = "b" if child.type == "strong" else "i"
            made.append(f"<{tag}>{_inline(child)}</{tag}>")
        elif child.type == "link":
            address, text = str(child.attrs["href"]), _inline(child)
            made.append(f'<link href="{escape(address)}" color="{ACCENT}">{text}</link>' if "://" in address else text)
        else:
            raise ValueError(f"paper: Markdown's {child.type} is not set within a line; write it otherwise")
    return "".join(made)


def _register_faces() -> None:
    """Make DejaVu known to ReportLab, with its bold and italic forms."""
    from matplotlib import get_data_path
    from reportlab.lib.fonts import addMapping
    from reportlab.pdfbase.pdfmetrics import getRegisteredFontNames, registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    if FACES[""] in getRegisteredFontNames():
        return
    for name in FACES.values():
        registerFont(TTFont(name, f"{get_data_path()}/fonts/ttf/{name}.ttf"))
    for bold, italic, form in ((0, 0, ""), (1, 0, "-Bold"), (0, 1, "-Italic"), (1, 1, "-BoldItalic")):
        addMapping(FACES[""], bold, italic, FACES[form])
        addMapping(FACES["Mono"], bold, italic, FACES["Mono"])
