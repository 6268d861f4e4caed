"""A Matplotlib figure that notebooks show by itself, without pyplot. Imported only where something is drawn."""

from io import BytesIO

from matplotlib.figure import Figure


class Picture(Figure):
    """A Figure; as the last line of a notebook's cell it is its picture."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()
