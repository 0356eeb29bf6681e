"""``moue page``: the static folder for a web host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from moue.cli import console, options


def page(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Name of a shipped model, run folder or .onnx file: the page runs it.",
            show_default="small",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write the page that recognises expressions in the browser.

    The folder is complete: any web host can serve it as it is. Visitors' images never leave their machines.
    """
    from moue.page import copy

    console.wrote(copy(out, model=model, overwrite=overwrite))


COMMANDS: Final = (page,)
