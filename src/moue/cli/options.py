"""Arguments and options that several commands share."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moue.cli import output

if TYPE_CHECKING:
    from moue.data.dataset import Dataset


class OnBadRow(enum.StrEnum):
    """What to do with a wrong row."""

    RAISE = "raise"
    SKIP = "skip"


class SplitName(enum.StrEnum):
    """A part of the data: PublicTest is val, PrivateTest is test."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class ViewsName(enum.StrEnum):
    """Over which views of a face answers are averaged: `moue.evaluation.tta`, which would load NumPy here."""

    SINGLE = "single"
    FLIP = "flip"
    TEN_CROP = "ten_crop"


DataPath = Annotated[
    Path, typer.Argument(help="fer2013.csv (also .csv.gz, .zip, .tar.gz) or a folder of images.", show_default=False)
]
DataOption = Annotated[
    Path, typer.Option("--data", help="fer2013.csv (also .csv.gz, .zip, .tar.gz) or a folder of images.")
]
FerPlus = Annotated[Path | None, typer.Option("--ferplus", help="fer2013new.csv: join the FER+ votes by row order.")]
Views = Annotated[
    ViewsName, typer.Option("--views", help="Average over views of each face: flip is 2, ten_crop 10 predictions.")
]
ClassNames = Annotated[
    str,
    typer.Option(
        "--class-names",
        metavar="NAME,NAME,…",
        help="Classes in the order of the data's numbers, from 0 on, if it is not FER2013's.",
    ),
]
BadRows = Annotated[OnBadRow, typer.Option("--on-bad-row", help="Stop at a wrong row, or skip and count such rows.")]
ModelName = Annotated[str, typer.Option("--model", help="Name of a shipped model, run folder or .onnx file.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
RunOut = Annotated[Path, typer.Option("--out", help="Run folder to make.")]
RecipeName = Annotated[str, typer.Option("--recipe", help="Name of a recipe (moue recipes) or a TOML file.")]
Epochs = Annotated[int | None, typer.Option("--epochs", help="Epochs at most, instead of the recipe's.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed, instead of the recipe's.")]
Choices = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other choice of the recipe; repeatable.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")]
RunPath = Annotated[Path, typer.Argument(help="Run folder of moue train.", show_default=False)]


def load_data(
    path: Path,
    ferplus: Path | None = None,
    on_bad_row: OnBadRow = OnBadRow.RAISE,
    class_names: str = "",
) -> Dataset:
    """Read a data set with a progress bar; say what was assumed and what was skipped."""
    from moue.data.load import load_dataset

    size = path.stat().st_size if path.is_file() else 0
    with output.byte_progress(f"reading {path.name}", size) as moved:
        dataset = load_dataset(
            path,
            ferplus=ferplus,
            class_names=class_names.split(",") if class_names else (),
            on_bad_row=on_bad_row.value,
            on_bytes=moved,
        )
    for said in dataset.notes:
        output.note(f"{path.name}: {said}")
    if dataset.skipped:
        output.note(
            f"skipped {len(dataset.skipped)} wrong rows, the first: row {dataset.skipped[0].row}: "
            f"{dataset.skipped[0].reason}"
        )
    return dataset
