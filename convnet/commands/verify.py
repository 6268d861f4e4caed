"""`convnet verify`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convnet.commands.options import Json
from convnet.commands.output import say
from convnet.commands.preflight import check_file


def verify(
    op: Annotated[list[str] | None, typer.Option(help="Only this operation; may be given again.")] = None,
    kernel: Annotated[
        Path | None, typer.Option(help="Your own file with the passes of --op, as in reference.py.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer and smaller problems: some seconds.")] = False,
    target: Annotated[
        str,
        typer.Option(help="The kernels of cpu, of cuda (a GPU), or of cuda-emulated (no GPU needed; some minutes)."),
    ] = "cpu",
    every_input: Annotated[
        bool,
        typer.Option(
            "--every-input", help="Also show of sums of products that they are right for every input: minutes."
        ),
    ] = False,
    json: Json = None,
    html: Annotated[Path | None, typer.Option(help="Write the certificate as a page, formulas typeset.")] = None,
) -> None:
    """Hold every kernel to its formula on this machine, and print the certificate. Exit code 1 if one is not."""
    check_file("--json", json)
    check_file("--html", html)
    import json as notation

    from convnet.output.atomic import write_atomically, write_json
    from kernels import verify as proof
    from kernels.targets import missing
    from kernels.verify import certificate, page, table

    if (lacks := missing(target)) is not None:
        raise ValueError(f"--target {lacks}")

    outcome = proof.run(
        op or (),
        kernel=kernel,
        quick=quick,
        target=target,
        every_input=every_input,
        tell=lambda what: say(f"verifying {what}"),
    )
    document = certificate.make(outcome)
    if str(json) == "-":
        print(notation.dumps(document, indent=2, ensure_ascii=False))
    else:
        table.show(document)
        if json is not None:
            write_json(json, document)
    if html is not None:
        write_atomically(html, page.make(document).encode())
        say(f"wrote {html}")
    if not outcome.ok:
        raise typer.Exit(1)
