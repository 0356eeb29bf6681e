"""The report: one self-contained HTML page about a run or an exported model."""

from __future__ import annotations

import importlib.resources
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.classifier.engines import describe_network
from moue.classifier.locate import SUFFIXES, locate, shipped_models
from moue.errors import MissingExtraError, MoueError
from moue.evaluation import figures, robustness_figures
from moue.evaluation.canvas import DARK, LIGHT, Theme, face_uri, figure_uri
from moue.evaluation.evaluation import JSON_NAME, Evaluation
from moue.evaluation.metrics import NUM_BINS
from moue.evaluation.mistakes import explain_mistakes
from moue.evaluation.model_card import stated_scores
from moue.evaluation.shown_faces import correct_faces, wrong_faces
from moue.files import as_path, read_json, refuse_existing, refuse_suffix, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure

    from moue.evaluation.robustness import Robustness

_TEMPLATE: Final = "report.html.j2"
_NO_RUN: Final = "a run folder made by moue train, with config.json and history.json"
_SPLIT_ORDER: Final = ("test", "all", "val", "train")


def write_report(
    run: str | Path,
    output: str | Path | None = None,
    *,
    evaluations: Sequence[str | Path] = (),
    overwrite: bool = False,
) -> Path:
    """Write the report of a run or of an exported model as one self-contained HTML page and return its path.

    From a run folder, it reads ``config.json`` and ``history.json`` and, if they exist, ``environment.json`` and every
    ``evaluation.json`` in a folder ``evaluation*`` or one level below. From an exported model, it reads the
    description and the scores in it. The test split comes first.

    Args:
        run: A run folder, or a model as `Classifier.load` finds it: the name of a shipped one, or an ONNX, LiteRT or
            OpenVINO file.
        output: The page; required for a model without a run folder. The default is ``report.html`` in the run folder,
            which belongs to the run and is always overwritten.
        evaluations: Folders of further evaluations, as `Evaluation.save` writes them.
        overwrite: Whether an existing `output` may be replaced.

    Raises:
        MoueError: there is no such run or model, the run has no finished epoch, a file is damaged, the page exists,
            or `output` is missing.
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    folder = as_path(run, "the run")
    exported = _is_exported(run)
    if exported and output is None:
        raise MoueError(
            f"{run} is not a run folder", "a name for the page", 'Give one: --output PAGE.html, output="PAGE.html".'
        )
    target = Path(output) if output is not None else folder / "report.html"
    refuse_suffix(target, (".html", ".htm"))
    overwrite = overwrite or output is None
    refuse_existing(target, overwrite=overwrite)
    loaded = _evaluations([*([] if exported else _saved_evaluations(folder)), *map(Path, evaluations)])
    try:
        context = _model_context(run) if exported else _run_context(folder)
        context |= {"main": None, "others": loaded[1:]}
        if loaded:
            context |= _evaluation_context(loaded[0], run)
        page = _render(context)
    except MoueError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # The files are valid JSON, but not as moue wrote it: a string for a number, or an epoch without its loss.
        raise MoueError(
            f"a file of {run} holds a value that moue did not write: {error!r:.200}", "files as moue train writes them"
        ) from error
    write_text(target, page, overwrite=overwrite)
    return target


def _is_exported(run: str | Path) -> bool:
    """Return whether `run` is an exported model and not a run folder."""
    shipped = isinstance(run, str) and run in shipped_models()
    return shipped or (Path(run).suffix.lower() in SUFFIXES and not Path(run).is_dir())


def _run_context(run: Path) -> dict[str, Any]:
    config, history = _read(run, "config.json", dict), _read(run, "history.json", list)
    if not history or not all(isinstance(row, dict) and "epoch" in row for row in history):
        raise MoueError(
            f"{run} has no finished epoch", "a history of one epoch or more", "Continue it: moue train --resume."
        )
    environment = _read(run, "environment.json", dict) if (run / "environment.json").exists() else {}
    best_epoch = environment.get("best_epoch")
    return {
        "run": run.resolve().name,
        "config": config,
        "environment": environment,
        "data": environment.get("data") or {},
        "history": history,
        "best": next((row for row in history if row["epoch"] == best_epoch), None),
        "curves": [_curve(history, quantity, best_epoch) for quantity in ("accuracy", "loss")],
        "stated": [],
        "evaluate_command": f"moue evaluate {shlex.quote(str(run))} fer2013.csv",
        "report_command": f"moue report {shlex.quote(str(run))}",
        "num_bins": NUM_BINS,
    }


def _model_context(name_or_path: str | Path) -> dict[str, Any]:
    """Return what the page shows from the description of an exported model."""
    path = locate(name_or_path)
    spec, name = describe_network(path), shlex.quote(str(name_or_path))
    return {
        "run": path.parent.name if path.name == "model.onnx" else path.stem,
        "config": dict(spec.recipe),
        "environment": {"versions": dict(spec.versions), "command": f"# {spec.provenance or 'origin unknown'}"},
        "data": dict(spec.data),
        "history": [],
        "best": None,
        "curves": [],
        "stated": stated_scores(spec),
        "evaluate_command": f"moue evaluate {name} fer2013.csv --out EVALUATION",
        "report_command": f"moue report {name} --evaluation EVALUATION --output PAGE.html",
        "num_bins": NUM_BINS,
    }


def _curve(history: list[dict[str, float]], quantity: str, best_epoch: int | None) -> dict[str, str]:
    def draw(theme: Theme) -> Figure:
        return figures.history_figure(history, (quantity,), best_epoch=best_epoch, theme=theme)

    return _figure_uris(f"{quantity} per epoch, training and validation", draw)


def _evaluation_context(evaluation: Evaluation, run: str | Path) -> dict[str, Any]:
    scores, calibrated = evaluation.official, evaluation.calibrated()
    return {
        "main": evaluation,
        "seen": "" if evaluation.seen is None else evaluation.seen.warning(),
        "num_present": sum(entry.support > 0 for entry in scores.per_class),
        "temperature": evaluation.temperature,
        "calibrated": calibrated,
        "confusion": _figure_uris(
            "confusion matrix: rows true, columns predicted", lambda theme: figures.confusion_figure(scores, theme)
        ),
        "bars": _figure_uris(
            "precision, recall and F1 of each class", lambda theme: figures.class_bars_figure(scores, theme)
        ),
        "reliability": _figure_uris(
            "accuracy against confidence", lambda theme: figures.reliability_figure(scores, calibrated, theme)
        ),
        "correct": _correct(evaluation),
        "robustness": None if evaluation.robustness is None else _robustness_context(evaluation.robustness),
        "wrong": _wrong(evaluation, run),
    }


def _robustness_context(result: Robustness) -> dict[str, Any]:
    return {
        "result": result,
        "corruptions": _figure_uris(
            "accuracy under each corruption at five strengths",
            lambda theme: robustness_figures.corruptions_figure(result, theme),
        ),
        "slices": _figure_uris(
            "accuracy on parts of the split, with intervals",
            lambda theme: robustness_figures.slices_figure(result.slices, theme),
        ),
        "selective": _figure_uris(
            "accuracy against coverage, for all predictions and for each class",
            lambda theme: robustness_figures.selective_figure(result, theme),
        ),
    }


def _saved_evaluations(run: Path) -> list[Path]:
    paths = sorted({*run.glob(f"evaluation*/{JSON_NAME}"), *run.glob(f"evaluation*/*/{JSON_NAME}")})
    return [path.parent for path in paths]


def _evaluations(folders: Sequence[Path]) -> list[Evaluation]:
    """Load evaluations: single models before ensembles, then by split, the test split first, then the fewest views."""
    loaded = [Evaluation.load(folder) for folder in folders]
    order = {split: rank for rank, split in enumerate(_SPLIT_ORDER)}
    return sorted(loaded, key=lambda entry: (bool(entry.members), order.get(entry.split, len(order)), entry.num_views))


def _read(run: Path, name: str, kind: type) -> Any:  # noqa: ANN401 (JSON is anything)
    path = run / name
    if not path.is_file():
        problem = f"{run} is not a run folder: {name} is missing" if run.is_dir() else f"there is no folder {run}"
        raise MoueError(problem, _NO_RUN, "Train one: moue train fer2013.csv --out runs/first")
    value = read_json(path)
    if not isinstance(value, kind):
        raise MoueError(f"{path} holds a {type(value).__name__}", f"a {kind.__name__}, as moue train writes it")
    return value


def _figure_uris(alt: str, draw: Callable[[Theme], Any]) -> dict[str, str]:
    """Return the same figure for light and for dark pages, as data URIs."""
    return {
        "alt": alt,
        "light": figure_uri(draw(LIGHT)),
        "dark": figure_uri(draw(DARK)),
    }


def _correct(evaluation: Evaluation) -> list[dict[str, Any]]:
    chosen = correct_faces(evaluation.y_true, evaluation.y_prob)
    return [
        {
            "name": entry.name,
            "found": evaluation.official.confusion_matrix[label][label],
            "support": entry.support,
            "faces": [_face(evaluation, position) for position in chosen[label]],
        }
        for label, entry in enumerate(evaluation.official.per_class)
    ]


def _wrong(evaluation: Evaluation, run: str | Path) -> list[dict[str, Any]]:
    """Return the most confident mistakes, each with its class map if the model has one."""
    positions = wrong_faces(evaluation.y_true, evaluation.y_prob)
    faces = [_face(evaluation, position) for position in positions]
    images = [evaluation.face_images[evaluation.face_index.searchsorted(position)] for position in positions]
    predictions = [face["predicted"] for face in faces]
    # A class map explains the prediction of one model, not that of an ensemble.
    maps = None if evaluation.members or not faces else explain_mistakes(run, images, predictions)
    return [{**face, "map": "" if maps is None else maps[number]} for number, face in enumerate(faces)]


def _face(evaluation: Evaluation, position: int) -> dict[str, Any]:
    names, probabilities = evaluation.class_names, evaluation.y_prob[position]
    # An evaluation keeps the pixels of exactly these faces, in increasing position.
    saved = evaluation.face_index.searchsorted(position)
    return {
        "uri": face_uri(evaluation.face_images[saved]),
        "row": int(evaluation.rows[position]),
        "true": names[evaluation.y_true[position]],
        "predicted": names[probabilities.argmax()],
        "confidence": float(probabilities.max()),
    }


def _render(context: dict[str, Any]) -> str:
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("jinja2", "report") from error
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = lambda value, digits=1: f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["duration"] = _duration
    try:
        return environment.get_template(_TEMPLATE).render(context)
    except jinja2.TemplateError as error:
        raise ValueError(str(error)) from error


def _template(name: str) -> str:
    return importlib.resources.files("moue.evaluation").joinpath(name).read_text(encoding="utf-8")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
