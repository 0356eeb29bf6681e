"""Arguments and options that several commands share."""

from __future__ import annotations

import enum
import pkgutil
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import moue
from moue.cli import console
from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from moue.data.dataset import Dataset


class OnBadRow(enum.StrEnum):
    """What to do with an invalid row."""

    RAISE = "raise"
    SKIP = "skip"


class ScoredSplit(enum.StrEnum):
    """What `moue evaluate` scores: a split, or all faces of data that the model has never seen."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"
    ALL = "all"


class ViewsName(enum.StrEnum):
    """Names of the views of `moue.evaluation.tta`, over which predictions are averaged; that import loads NumPy."""

    SINGLE = "single"
    FLIP = "flip"
    TEN_CROP = "ten_crop"


class DeviceName(enum.StrEnum):
    """Names of the devices of `moue.classifier.runtime`; importing that would load more than is needed here."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    COREML = "coreml"
    DIRECTML = "directml"


if TYPE_CHECKING:

    class DetectorName(enum.StrEnum):
        """How faces are found: ``auto``, or a file in `moue.faces.detectors`."""

        AUTO = "auto"

else:
    # Importing `moue.faces` would load NumPy here.
    _FOLDER = Path(moue.__file__).parent / "faces" / "detectors"
    _DETECTORS = ("auto", *(module.name for module in pkgutil.iter_modules([str(_FOLDER)])))
    DetectorName = enum.StrEnum("DetectorName", [(name.upper(), name) for name in _DETECTORS])


DataPath = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="fer2013.csv (also compressed or in an archive), a folder of images, or a list of them.",
        show_default=False,
    ),
]
FerPlus = Annotated[
    Path | None, typer.Option("--ferplus", metavar="FILE", help="fer2013new.csv: add the FER+ votes, row by row.")
]
Views = Annotated[ViewsName, typer.Option("--views", help="Average over views of each face: flip uses 2, ten_crop 10.")]
ClassNames = Annotated[
    str,
    typer.Option(
        "--class-names",
        metavar="NAME,NAME,…",
        help="Class names in the order of the numbers in the data, if not FER2013's.",
        show_default=False,
    ),
]
BadRows = Annotated[
    OnBadRow, typer.Option("--on-bad-row", help="Stop at an invalid row, or skip and count invalid rows.")
]
ModelName = Annotated[
    str, typer.Option("--model", metavar="MODEL", help="Name of a shipped model, run folder or .onnx file.")
]
Every = Annotated[int, typer.Option(min=1, metavar="N", help="Analyse every n-th frame of videos.")]
Fps = Annotated[float | None, typer.Option(metavar="N", help="Analyse at most this many frames per second of videos.")]
Smooth = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="Average probabilities in videos over this many seconds.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]
RunOut = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="The run folder to create.")]
RecipeName = Annotated[
    str, typer.Option("--recipe", metavar="RECIPE", help="Name of a recipe (see moue recipes), or a TOML file.")
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", metavar="N", min=1, help="Train for at most this many epochs, instead of the recipe's."),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", min=0, help="Random seed, instead of the recipe's.")]
Choices = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change any other setting of the recipe. Repeatable."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")]
Detector = Annotated[
    DetectorName,
    typer.Option("--detector", help="How to find faces. none: each image is one face. auto: the best available."),
]
DetectorModel = Annotated[
    Path | None, typer.Option("--detector-model", metavar="FILE", help="Model file for the detector yunet.")
]
Device = Annotated[
    DeviceName, typer.Option("--device", help="Where the model runs. auto: the best device that ONNX Runtime offers.")
]
UnsureBelow = Annotated[
    float,
    typer.Option(
        "--unsure-below", metavar="0-1", min=0, max=1, help="Mark predictions below this confidence with '?'."
    ),
]


def load_data(
    path: Path,
    ferplus: Path | None = None,
    on_bad_row: OnBadRow = OnBadRow.RAISE,
    class_names: str = "",
    cut: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None,
    *,
    whole: bool = False,
) -> Dataset:
    """Read a data set with a progress bar; print what was assumed and what was skipped.

    `cut` crops the face in an image, see `moue.data.readers.reader.ReadOptions`. With
    `whole`, all faces are used together, so the note on how they were split is left out.
    """
    from moue.data.load import read_dataset, read_numbering
    from moue.data.readers.reader import ReadOptions

    if path == Path() and "" in sys.argv:  # Typer turns an empty string into the working folder
        raise MoueError("DATA is empty", "fer2013.csv or a folder of images", "Pass its name.")
    size = path.stat().st_size if path.is_file() else 0
    with console.byte_progress(f"reading {path.name}", size) as moved:
        numbering = read_numbering(class_names.split(",") if class_names else ())
        options = ReadOptions("skip" if on_bad_row is OnBadRow.SKIP else "raise", numbering, moved, cut)
        dataset = read_dataset(path, options, ferplus=ferplus)
    for note in dataset.notes:
        if not (whole and note == dataset.split_rule):
            console.note(f"{path.name}: {note}")
    if dataset.skipped:
        console.warn(
            f"skipped {len(dataset.skipped)} invalid rows; the first is row {dataset.skipped[0].row}: "
            f"{dataset.skipped[0].reason}"
        )
    return dataset


def choose_device(device: DeviceName, *models: str) -> str:
    """Return the device that will be used; warn if it is not the requested one.

    Raises:
        SettingError: a model file only runs on the CPU, and another device was requested.
    """
    from moue.classifier.locate import SUFFIXES, shipped_models
    from moue.classifier.runtime import find_device
    from moue.errors import SettingError

    cpu_only = [name for name in models if name not in shipped_models() and Path(name).suffix.lower() in SUFFIXES[1:]]
    if cpu_only:
        if device not in (DeviceName.CPU, DeviceName.AUTO):
            kind = "LiteRT" if Path(cpu_only[0]).suffix.lower() == ".tflite" else "OpenVINO"
            raise SettingError(
                f"--device {device.value} with the {kind} file {cpu_only[0]}",
                "cpu or auto: only the CPU runs such a file",
                "Use the ONNX file.",
            )
        return DeviceName.CPU.value
    available, warning = find_device(device.value)
    if warning:
        console.warn(f"warning: {warning}")
    return available


def command_line(*, without: str = "") -> str:
    """Return the running command as the user would type it, `without` one of its words."""
    return shlex.join(["moue", *(word for word in sys.argv[1:] if word != without)])
