"""Whether the `kernels` and `convnet` that Python finds are ours: both names belong to other projects on PyPI."""

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = "formula-convnet's own package"  # stands in the docstring of both packages


def check(name: str) -> None:
    """Raise ImportError unless package `name` is the one that lies beside this file and carries our mark."""
    ours = ROOT / name / "__init__.py"
    spec = find_spec(name)
    found = Path(spec.origin).resolve() if spec and spec.origin else None
    if found != ours or MARK not in ours.read_text(encoding="utf-8"):
        raise ImportError(
            f"formula-convnet: Python finds another project's '{name}' at {found or 'no file'}, not ours at {ours}. "
            f"Uninstall it (pip uninstall {name}), then reinstall formula-convnet, best in a fresh virtual environment."
        )
