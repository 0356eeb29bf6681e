"""The command explain."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Final

import typer

from moue.cli import console, options


class Method(enum.StrEnum):
    """How a map is made."""

    AUTO = "auto"
    CLASS_MAP = "class-map"
    OCCLUSION = "occlusion"


def explain(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="An image with a face in it.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="The image to write. Default: NAME-why.png."),
    ] = None,
    model: options.ModelName = "small",
    device: options.Device = options.DeviceName.CPU,
    detector: options.Detector = options.DetectorName.AUTO,
    emotion: Annotated[
        str, typer.Option("--class", metavar="CLASS", help="Explain this class, whatever the prediction is.")
    ] = "",
    method: Annotated[
        Method, typer.Option("--method", help="Read the model's last feature map, or cover the face piece by piece.")
    ] = Method.AUTO,
    size: Annotated[
        int, typer.Option("--size", metavar="PIXELS", min=48, max=1000, help="Side of a face in the image.")
    ] = 240,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the maps as JSON; write an image only with --output.")
    ] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Show which parts of a face led to the prediction.

    Writes each face twice, plain and coloured: orange parts are evidence for the prediction, blue parts against it.
    """
    from moue.classifier.classifier import Classifier
    from moue.drawing.draw import SUFFIXES
    from moue.files import refuse_existing, refuse_suffix
    from moue.recognition.explain import explain as explain_image

    target = out or (None if as_json else Path(f"{Path(image).stem}-why.png"))
    if target is not None:
        refuse_suffix(target, SUFFIXES)
        refuse_existing(target, overwrite=overwrite)
    chosen = options.choose_device(device, model)
    classifier = Classifier.load(model, device=chosen)
    way = method.value.replace("-", " ")
    explanation = explain_image(image, model=classifier, detector=detector.value, emotion=emotion, method=way)
    if as_json:
        console.say(explanation.to_json())
    else:
        for number, face in enumerate(explanation.faces, 1):
            console.say(console.wrapped(f"{face.title}, {face.subtitle}", f"{number}  ", "   "))
    if target is not None:
        explanation.save(target, overwrite=overwrite, size=size)
        console.wrote(target)


COMMANDS: Final = (explain,)
