"""Commands that hand on a network: export, publish."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from moue.cli import console, options

if TYPE_CHECKING:
    from moue.data.dataset import Dataset

_PER_CLASS: Final = 10  # drawn faces of each of 7 classes; 64 are compared


class FormatName(enum.StrEnum):
    """What a network is written as."""

    ONNX = "onnx"
    LITERT = "litert"


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Run folder of moue train; for litert also a shipped model or .onnx.",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Argument(metavar="[DATA]", help="The data; litert takes drawn faces without it.", show_default=False),
    ] = None,
    form: Annotated[FormatName, typer.Option("--format", help="What to write.")] = FormatName.ONNX,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="The .tflite file of litert. Default: RUN/model.tflite, or MODEL.tflite here.",
        ),
    ] = None,
    ferplus: options.FerPlus = None,
    class_names: options.ClassNames = "",
    also: Annotated[
        Path | None,
        typer.Option("--also", metavar="DATA", help="Labelled faces of another kind, to fit the answer to as well."),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store the weights in 16 bits, which halves the file.")] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Export a run's best network again, or an exported network as LiteRT.

    onnx: compares the network with Keras on faces of the data, and writes model.onnx and model.json into the run
    folder.

    litert: compares the file with the ONNX file on faces of the validation split, and writes FILE and FILE.json.
    """
    if form is FormatName.LITERT:
        if also is not None:
            raise typer.BadParameter("the answer is fitted by --format onnx", param_hint="--also")
        faces = None if data is None else options.load_data(data, ferplus, class_names=class_names)
        _export_litert(model, faces, out or _beside(model), half=half, overwrite=overwrite)
        return
    if data is None:
        raise typer.BadParameter("--format onnx needs the data of the run", param_hint="DATA")
    if out is not None:
        raise typer.BadParameter("--format onnx writes into the run folder", param_hint="--out")
    from moue.training.backend import import_keras
    from moue.training.publish import export_run
    from moue.training.run_folder import RunFolder

    folder = RunFolder(Path(model))
    with console.loading_keras():
        import_keras()
    faces = options.load_data(data, ferplus, class_names=class_names)
    others = options.load_data(also) if also else None
    result = export_run(folder, faces, others=others, half=half)
    console.note(f"largest difference from Keras {result.max_difference:.1g} over {result.num_images} faces")
    console.wrote(folder.onnx, folder.model_json)


def _beside(model: str) -> Path:
    """Return where a LiteRT file goes if nobody says: into a run folder, else into the working folder."""
    folder = Path(model)
    return folder / "model.tflite" if (folder / "model.json").is_file() else Path(f"{folder.stem}.tflite")


def _export_litert(model: str, faces: Dataset | None, out: Path, *, half: bool, overwrite: bool) -> None:
    from moue.classifier.locate import describing
    from moue.files import refuse_existing
    from moue.training.backend import import_keras

    refuse_existing(out, overwrite=overwrite)  # before Keras is loaded in vain
    with console.loading_keras():
        import_keras()
    from moue.training.export_litert import export_litert
    from moue.training.export_onnx import BATCH_SIZES

    if faces is None:
        from moue.data.synthetic.dataset import synthesize

        compared, kind = synthesize(_PER_CLASS).images, "drawn faces"
    else:
        compared, kind = faces.subset("val").images, "faces of the validation split"
    # A tiny data set may have fewer faces than the comparison needs: repeat them.
    compared = compared[[k % len(compared) for k in range(max(BATCH_SIZES))]]
    result = export_litert(model, out, compared, half=half, overwrite=overwrite)
    console.note(f"largest difference from ONNX {result.max_difference:.1g} over {result.num_images} {kind}")
    if faces is not None:
        _tell_accuracy(model, out, faces)
    console.wrote(out, describing(out))


def _tell_accuracy(model: str, out: Path, faces: Dataset) -> None:
    """Say how many faces of the validation split both files name as labelled."""
    from moue.classifier.classifier import Classifier
    from moue.evaluation.evaluate import evaluate

    before, after = (evaluate(Classifier.load(one), faces, split="val").accuracy for one in (model, out))
    console.note(f"accuracy on the validation split {after:.2%} (ONNX {before:.2%})")


def publish(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Run folder, shipped model or .onnx file.", show_default=False)
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to write.", show_default=False)],
    overwrite: options.Overwrite = False,
) -> None:
    """Write a folder for a model hub: model.onnx, model.json and the card README.md.

    Nothing is uploaded. Read the card and add what it does not say.
    """
    from moue.evaluation.hub_folder import write_hub_folder

    console.wrote(*write_hub_folder(model, folder, overwrite=overwrite))


COMMANDS: Final = (export, publish)
