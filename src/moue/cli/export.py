"""Commands that export a model: export, publish."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from moue.cli import console, options

if TYPE_CHECKING:
    from moue.data.dataset import Dataset


class FormatName(enum.StrEnum):
    """The format in which a model is written."""

    ONNX = "onnx"
    LITERT = "litert"
    OPENVINO = "openvino"
    SAVED_MODEL = "saved_model"


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Run folder of moue train; for formats other than onnx, also a shipped model or .onnx file.",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]",
            help="The data of the run; formats other than onnx can do without it and use drawn faces.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[FormatName, typer.Option("--format", help="What to write.")] = FormatName.ONNX,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="The .tflite, .xml or 8-bit .onnx file, or the SavedModel folder. Default: a name in RUN, or here.",
        ),
    ] = None,
    ferplus: options.FerPlus = None,
    class_names: options.ClassNames = "",
    also: Annotated[
        Path | None,
        typer.Option(
            "--also", metavar="DATA", help="More labelled faces, of another kind, to fit the output expression to."
        ),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store the weights in 16 bits, which halves the file.")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Compute in 8 bits; needs the data.")] = False,
    allow_loss: Annotated[
        bool, typer.Option("--allow-loss", help="Keep an 8-bit file that costs more than 0.3 points of accuracy.")
    ] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Export a run again, or convert a model to another format.

    onnx: compares the ONNX file with Keras on faces of the data, and writes model.onnx and model.json into the run
    folder.

    litert, openvino, saved_model, and onnx with --int8: compares the new file with the ONNX file on faces of the
    validation split, and writes it with its JSON file.
    """
    if half and int8:
        raise typer.BadParameter("weights have either 16 or 8 bits", param_hint="--half, --int8")
    if allow_loss and not int8:
        raise typer.BadParameter("it only applies to --int8", param_hint="--allow-loss")
    if form is not FormatName.ONNX or int8:
        if also is not None:
            raise typer.BadParameter(
                "only --format onnx without --int8 fits the output expression", param_hint="--also"
            )
        weights = "int8" if int8 else "fp16" if half else "fp32"
        path = out or _default_path(model, form, int8=int8)
        _refuse_early(form, path, weights, data, overwrite=overwrite)
        faces = None if data is None else options.load_data(data, ferplus, class_names=class_names)
        _convert(model, path, faces, weights, allow_loss=allow_loss, overwrite=overwrite)
        return
    if data is None:
        raise typer.BadParameter("--format onnx needs the data of the run", param_hint="DATA")
    if out is not None:
        raise typer.BadParameter("--format onnx writes into the run folder", param_hint="--out")
    from moue.training.backend import import_keras
    from moue.training.publish import export_run
    from moue.training.run_folder import RunFolder

    folder = RunFolder(Path(model))
    folder.refuse_untrained()
    with console.loading_keras():
        import_keras()
    faces = options.load_data(data, ferplus, class_names=class_names)
    others = options.load_data(also) if also else None
    result = export_run(folder, faces, others=others, half=half)
    console.note(f"largest difference from Keras {result.max_difference:.1g} over {result.num_images} faces")
    console.wrote(folder.onnx, folder.model_json)


_SUFFIXES: Final = {
    FormatName.ONNX: ".onnx",
    FormatName.LITERT: ".tflite",
    FormatName.OPENVINO: ".xml",
    FormatName.SAVED_MODEL: "",
}


def _default_path(model: str, form: FormatName, *, int8: bool) -> Path:
    """Return the default path of an exported file: in the run folder, else in the working folder."""
    folder = Path(model)
    is_run = (folder / "model.json").is_file()
    stem = "model" if is_run else folder.stem
    added = "-int8" if int8 else "_saved_model" if form is FormatName.SAVED_MODEL else ""
    name = f"{stem}{added}{_SUFFIXES[form]}"
    return folder / name if is_run else Path(name)


def _refuse_early(form: FormatName, path: Path, weights: str, data: Path | None, *, overwrite: bool) -> None:
    """Refuse what cannot work before Keras and the data are loaded."""
    from moue.files import refuse_existing, refuse_suffix

    refuse_suffix(path, (_SUFFIXES[form],))
    refuse_existing(path, overwrite=overwrite)
    if weights == "int8" and data is None:
        raise typer.BadParameter("--int8 needs data with training and validation faces", param_hint="DATA")
    if weights != "fp32" and form is FormatName.SAVED_MODEL:
        raise typer.BadParameter("a SavedModel always has 32 bits", param_hint="--half, --int8")


def _convert(model: str, path: Path, faces: Dataset | None, weights: str, *, allow_loss: bool, overwrite: bool) -> None:
    from moue.training.backend import import_keras

    with console.loading_keras():
        import_keras()
    from moue.training.export_formats import export_network, files_of, format_accuracy, format_of

    result = export_network(model, path, faces, weights=weights, allow_loss=allow_loss, overwrite=overwrite)
    kind = "drawn faces" if faces is None else "faces of the validation split"
    console.note(f"largest difference from ONNX {result.max_difference:.1g} over {result.num_images} {kind}")
    if result.accuracy:
        console.note(f"accuracy on the validation split: {format_accuracy(result.accuracy)}")
    console.wrote(*files_of(format_of(path), path))


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
