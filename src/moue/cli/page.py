"""``moue page``: the static folder for a web host."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Final

import typer

from moue.cli import console, options


class PageDetectorName(enum.StrEnum):
    """Names of the detectors of `moue.page.detector`; importing that would load NumPy here."""

    OWN = "own"
    YUNET = "yunet"


def page(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="The model to run: a shipped name, a run folder or an .onnx file.",
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

    Any web host can serve the folder as it is. Visitors' images never leave their devices.
    """
    from moue.page import copy

    written = copy(out, model=model, detector=detector.value, detector_model=detector_model, overwrite=overwrite)
    console.wrote(written)


COMMANDS: Final = (page,)
