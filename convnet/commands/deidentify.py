"""`convnet deidentify`: what it asks for and what it prints."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from convnet.commands.options import Limit
from convnet.commands.output import printable, say


def deidentify(
    files: Annotated[list[Path], typer.Argument(help="DICOM files.")],
    out: Annotated[Path, typer.Option(help="Folder for the new files; it must not exist or be empty.")],
    limit: Limit = None,
) -> None:
    """Let deid remove what identifies the patient, then list what is left. No claim of conformance; look yourself."""
    if find_spec("deid") is None:
        raise ValueError("de-identification is left to deid, which is not installed: pip install '.[deid]'")
    import tempfile

    from convnet.data.cohort.write import new_folder
    from convnet.data.errors import DicomError
    from convnet.data.limits import parse_limits
    from convnet.data.privacy.deidentify import DUMMY, deidentified, recipe
    from convnet.data.pseudonyms import key, shown
    from convnet.data.reading import tasks
    from convnet.data.reading.readers import Readers
    from convnet.output.atomic import write_atomically

    new_folder(out)
    left: dict[str, int] = {}
    failed = 0
    with tempfile.TemporaryDirectory() as place, Readers(parse_limits(limit or ())) as readers:
        rules = Path(place) / "deid.convnet"
        rules.write_text(recipe(), encoding="utf-8")
        results = readers.map(lambda p: list(readers.read(deidentified, p, str(rules), key().hex())), files)
        for number, (path, result) in enumerate(results, 1):
            if isinstance(result, DicomError):
                say(f"convnet: {result}")
                failed += 1
                continue
            target = out / f"{number:06d}.dcm"
            write_atomically(target, result[0].tobytes())
            print(printable(f"{shown(path)} -> {target}"))
            (again,) = readers.read(tasks.identifying, target, DUMMY)
            for found in again["elements"]:
                if "U" not in found["action"]:
                    name = f"{found['tag']} {found['name']}"
                    left[name] = left.get(name, 0) + 1
    print("left, of the listed elements (new UIDs and dummies apart):" if left else "no listed element is left")
    for name, n in sorted(left.items()):
        print(f"  {name}: in {n} file(s)")
    print(
        "This is deid's work by PS3.15 table E.1-1, and no claim of conformance: text burned into pixels, faces, and "
        "free text in other elements are untouched. Look at the files before you pass them on."
    )
    if failed:
        raise typer.Exit(2)
