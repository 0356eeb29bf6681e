"""Commands that score a model and report on it: evaluate, report."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from moue.cli import console, foreign, options

if TYPE_CHECKING:
    from moue.classifier.ensemble import Ensemble
    from moue.data.dataset import Dataset
    from moue.evaluation.evaluation import Evaluation
    from moue.evaluation.robustness import Robustness


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="Name of a shipped model, run folder or .onnx file. Several are averaged and scored as one.",
            show_default=False,
        ),
    ],
    data: options.DataPath,
    split: Annotated[
        options.ScoredSplit,
        typer.Option(help="Which faces to score: PublicTest is val, PrivateTest is test; all is for other data sets."),
    ] = options.ScoredSplit.TEST,
    views: options.Views = options.ViewsName.SINGLE,
    device: options.Device = options.DeviceName.CPU,
    ferplus: options.FerPlus = None,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
    class_names: options.ClassNames = "",
    crop_faces: Annotated[
        bool, typer.Option("--crop-faces", help="First crop the face in each image of a folder.")
    ] = False,
    without: Annotated[
        str, typer.Option("--leave-out", metavar="NAME,…", help="Classes to leave out.", show_default=False)
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Where to save the result. Default: RUN/evaluation/SPLIT[-VIEWS] for a run folder, else nowhere.",
        ),
    ] = None,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness",
            help="Also score damaged and mirrored faces, parts of the split, and the predictions that are not unsure.",
        ),
    ] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Score a model on labelled faces.

    The test split is scored twice: with and without the faces that are also in the training data.
    --robustness takes minutes: it classifies each face 57 times.
    """
    from moue.classifier.ensemble import Ensemble
    from moue.evaluation.evaluate import evaluate as score
    from moue.files import refuse_existing

    ensemble = Ensemble.load(models, device=options.choose_device(device, *models))
    folder = out or _evaluation_folder(models, split, views)
    if folder is not None:
        refuse_existing(folder, overwrite=overwrite)
    cutter = foreign.FaceCutter(models[0]) if crop_faces else None
    dataset = options.load_data(data, ferplus, on_bad_row, class_names, cutter, whole=split is options.ScoredSplit.ALL)
    if cutter is not None and cutter.num_missed:
        console.warn(f"no face was found in {cutter.num_missed:,} images; the whole image was used")
    dataset = foreign.choose(dataset, split, without)
    with console.count_progress("evaluating") as moved:
        evaluation = score(ensemble, dataset, split=split.value, views=views.value, progress=moved)
    evaluation = dataclasses.replace(evaluation, command=options.command_line())
    if robustness:
        evaluation = dataclasses.replace(evaluation, robustness=_robustness(ensemble, dataset, split.value, views))
    if folder is not None:
        evaluation.save(folder, overwrite=overwrite)  # before printing, which a closed pipe (| head) ends
    _show(evaluation)
    if folder is None:
        console.note("the result was not saved; to save it for a report, add --out FOLDER")
        return
    console.wrote(folder)
    report_words = ["moue", "report", models[0], *(["--evaluation", str(out)] if out else [])]
    console.note(f"next: {shlex.join(report_words)}")


def _show(evaluation: Evaluation) -> None:
    """Print the figures, with notes and warnings."""
    console.say(evaluation.table())
    if evaluation.seen is not None and (warning := evaluation.seen.warning()):
        console.warn(warning)
    _note_missing(evaluation)
    _note_calibration(evaluation)
    if evaluation.robustness is not None:
        from moue.evaluation.robustness_table import robustness_lines

        console.say(f"\n{robustness_lines(evaluation.robustness)}")


def report(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Run folder of moue train, an exported file, or the name of a shipped model.",
            show_default=False,
        ),
    ],
    page: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="The page. Default: RUN/report.html for a run folder, else NAME-report.html.",
        ),
    ] = None,
    evaluations: Annotated[
        list[Path] | None,
        typer.Option("--evaluation", metavar="FOLDER", help="Folder written by moue evaluate --out. Repeatable."),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write an HTML page about a run or a model.

    It shows curves, scores, the confusion matrix and faces.
    """
    from moue.evaluation.report import write_report

    in_run = page is None and _is_folder(model)
    target = page if page is not None or in_run else Path(f"{Path(model).stem}-report.html")
    console.wrote(write_report(model, target, evaluations=evaluations or (), overwrite=overwrite))


def _robustness(ensemble: Ensemble, dataset: Dataset, split: str, views: options.ViewsName) -> Robustness:
    from moue.cli.face_measures import measure_faces
    from moue.evaluation.measure_robustness import measure_robustness

    measures = measure_faces(dataset.images[dataset.where(split)])
    with console.count_progress("classifying damaged faces") as moved:
        return measure_robustness(ensemble, dataset, split=split, views=views.value, measures=measures, progress=moved)


def _is_folder(model: str) -> bool:
    """Return whether a model is named by the path of a folder, even a missing one, and not a shipped model."""
    from moue.classifier.locate import SUFFIXES, shipped_models

    return model not in shipped_models() and (Path(model).is_dir() or Path(model).suffix.lower() not in SUFFIXES)


def _evaluation_folder(models: list[str], split: options.ScoredSplit, views: options.ViewsName) -> Path | None:
    if len(models) > 1 or not _is_folder(models[0]):
        return None
    single = views is options.ViewsName.SINGLE
    return Path(models[0]) / "evaluation" / (split.value if single else f"{split.value}-{views.value}")


def _note_missing(evaluation: Evaluation) -> None:
    missing = [entry.name for entry in evaluation.official.per_class if not entry.support]
    if missing:
        count = len(evaluation.class_names) - len(missing)
        console.note(
            f"no face is labelled {' or '.join(missing)}; balanced accuracy is the mean over the other {count} classes"
        )


def _note_calibration(evaluation: Evaluation) -> None:
    if evaluation.members:
        console.note(f"mean of the calibrated probabilities of {', '.join(evaluation.members)}")
        return
    calibrated = evaluation.calibrated()
    if calibrated is None:
        return
    how = "" if evaluation.num_views == 1 else ", one view of each face; here the mean of the views"
    console.note(f"calibrated on val{how}: NLL {calibrated.nll:.3f}, ECE {calibrated.ece:.1%}")


COMMANDS: Final = (evaluate, report)
