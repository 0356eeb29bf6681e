"""``moue page``: the static folder for a web host."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Final

import typer

from moue.cli import console, options


class PageDetectorName(enum.StrEnum):
    """How the page finds faces: `moue.page.detector`, which would load NumPy here."""

    OWN = "own"
    YUNET = "yunet"


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
    detector: Annotated[
        PageDetectorName,
        typer.Option("--detector", help="How the page finds faces. yunet: needs moue download yunet first."),
    ] = PageDetectorName.OWN,
    detector_model: options.DetectorModel = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write the page that recognises expressions in the browser.

    The folder is complete: any web host can serve it as it is. Visitors' images never leave their machines.
    """
    from moue.page import copy

    written = copy(out, model=model, detector=detector.value, detector_model=detector_model, overwrite=overwrite)
    console.wrote(written)


COMMANDS: Final = (page,)
