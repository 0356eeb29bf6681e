"""Commands of the recognising half: predict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from moue.cli import options, output

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from moue.inference.predict import FacePrediction


def predict(
    files: Annotated[list[Path], typer.Argument(help="Pictures; each one as a whole is taken as one face.")],
    model: Annotated[str, typer.Option("--model", help="Run folder, .onnx file, or name of a shipped model.")],
    out: Annotated[Path | None, typer.Option("--output", help="Also write .json, .jsonl or .csv.")] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Name the expression in pictures of faces, with the probability of each class."""
    from moue.inference.classifier import Classifier  # noqa: PLC0415 (keeps --help fast)
    from moue.inference.predict import predict_files  # noqa: PLC0415
    from moue.inference.tables import check_output, write_predictions  # noqa: PLC0415

    if out is not None:
        check_output(out, overwrite=overwrite)
    classifier = Classifier.load(model)
    output.note("each picture is taken as one face; no face is looked for in it")
    predictions = list(_with_progress(predict_files(files, classifier), len(files)))
    _print(predictions, classifier.class_names())
    if out is not None:
        write_predictions(predictions, out, class_names=classifier.class_names(), overwrite=overwrite)
        output.wrote(out)
    failed = sum(prediction.emotion is None for prediction in predictions)
    if failed:
        output.note(f"{failed} of {len(predictions)} files gave no answer")
    if failed == len(predictions):
        raise typer.Exit(1)


def _with_progress(predictions: Iterator[FacePrediction], total: int) -> Iterator[FacePrediction]:
    with output.count_progress("predicting") as moved:
        for done, prediction in enumerate(predictions, 1):
            moved(done, total)
            yield prediction


def _print(predictions: Iterable[FacePrediction], class_names: Sequence[str]) -> None:
    rows = []
    for prediction in predictions:
        if prediction.probabilities is None:
            rows.append((prediction.file, prediction.status.value, *[""] * len(class_names)))
            output.note(f"{prediction.file}: {prediction.message}")
            continue
        numbers = (f"{100 * value:.1f}" for value in prediction.probabilities.values())
        rows.append((prediction.file, prediction.emotion or "", *numbers))
    output.print_table(("file", "answer", *(f"{name} %" for name in class_names)), rows)


COMMANDS: Final = (predict,)
