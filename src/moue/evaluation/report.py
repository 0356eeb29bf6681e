"""The report: one HTML page about a run or an exported network, complete in itself."""

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
    """Write the report of a run or of an exported network as one self-contained HTML page and return its path.

    From a run folder it reads ``config.json`` and ``history.json``, and where they are there ``environment.json`` and
    every ``evaluation.json`` in a folder ``evaluation*`` or one below it. From an exported network it reads the
    description, with the scores in it. The test split leads.

    Args:
        run: A run folder, or a network as `Classifier.load` finds it: the name of a shipped one, or an ONNX, LiteRT or
            OpenVINO file.
        output: The page; a network without a run folder needs one. Without it the page is ``report.html`` in the run
            folder, which belongs to the run and is always written again.
        evaluations: Folders of further evaluations, as `Evaluation.save` writes them.
        overwrite: Whether an `output` that exists may be replaced.

    Raises:
        MoueError: there is no such run or network, the run has no finished epoch, a file is damaged, the page exists,
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
    found = _evaluations([*([] if exported else _saved_evaluations(folder)), *map(Path, evaluations)])
    try:
        context = _network_context(run) if exported else _run_context(folder)
        context |= {"main": None, "others": found[1:]}
        if found:
            context |= _evaluation_context(found[0], run)
        page = _render(context)
    except MoueError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # The files are JSON, but hold something else than moue wrote: a text for a number, an epoch without its loss.
        raise MoueError(
            f"a file of {run} holds a value that moue did not write: {error!r:.200}", "files as moue train writes them"
        ) from error
    write_text(target, page, overwrite=overwrite)
    return target


def _is_exported(run: str | Path) -> bool:
    """Return whether a network without a run folder is meant."""
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


def _network_context(name_or_path: str | Path) -> dict[str, Any]:
    """Return what the description of an exported network says."""
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

    return _picture(f"{quantity} per epoch, training and validation", draw)


def _evaluation_context(evaluation: Evaluation, run: str | Path) -> dict[str, Any]:
    scores, calibrated = evaluation.official, evaluation.calibrated()
    return {
        "main": evaluation,
        "seen": "" if evaluation.seen is None else evaluation.seen.told(),
        "num_present": sum(entry.support > 0 for entry in scores.per_class),
        "temperature": evaluation.temperature,
        "calibrated": calibrated,
        "confusion": _picture(
            "confusion matrix: rows true, columns predicted", lambda theme: figures.confusion_figure(scores, theme)
        ),
        "bars": _picture(
            "precision, recall and F1 of each class", lambda theme: figures.class_bars_figure(scores, theme)
        ),
        "reliability": _picture(
            "accuracy against confidence", lambda theme: figures.reliability_figure(scores, calibrated, theme)
        ),
        "correct": _correct(evaluation),
        "robustness": None if evaluation.robustness is None else _robustness_context(evaluation.robustness),
        "wrong": _wrong(evaluation, run),
    }


def _robustness_context(found: Robustness) -> dict[str, Any]:
    return {
        "found": found,
        "corruptions": _picture(
            "accuracy under each corruption at five strengths",
            lambda theme: robustness_figures.corruptions_figure(found, theme),
        ),
        "slices": _picture(
            "accuracy on parts of the split, with intervals",
            lambda theme: robustness_figures.slices_figure(found.slices, theme),
        ),
        "selective": _picture(
            "accuracy against coverage, for all answers and for each",
            lambda theme: robustness_figures.selective_figure(found, theme),
        ),
    }


def _saved_evaluations(run: Path) -> list[Path]:
    found = sorted({*run.glob(f"evaluation*/{JSON_NAME}"), *run.glob(f"evaluation*/*/{JSON_NAME}")})
    return [path.parent for path in found]


def _evaluations(folders: Sequence[Path]) -> list[Evaluation]:
    """Read evaluations; those of one network come first, among them the test split, and there the fewest views."""
    loaded = [Evaluation.load(folder) for folder in folders]
    order = {split: rank for rank, split in enumerate(_SPLIT_ORDER)}
    return sorted(loaded, key=lambda one: (bool(one.members), order.get(one.split, len(order)), one.num_views))


def _read(run: Path, name: str, kind: type) -> Any:  # noqa: ANN401 (JSON is anything)
    path = run / name
    if not path.is_file():
        came = f"{run} is not a run folder: {name} is missing" if run.is_dir() else f"there is no folder {run}"
        raise MoueError(came, _NO_RUN, "Train one: moue train fer2013.csv --out runs/first")
    value = read_json(path)
    if not isinstance(value, kind):
        raise MoueError(f"{path} holds a {type(value).__name__}", f"a {kind.__name__}, as moue train writes it")
    return value


def _picture(alt: str, draw: Callable[[Theme], Any]) -> dict[str, str]:
    """The same figure for light and for dark pages, as data URIs."""
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
    """Return the most confident mistakes, each with what it rests on where the network can tell."""
    positions = wrong_faces(evaluation.y_true, evaluation.y_prob)
    faces = [_face(evaluation, position) for position in positions]
    images = [evaluation.face_images[evaluation.face_index.searchsorted(position)] for position in positions]
    answers = [face["predicted"] for face in faces]
    # An ensemble's answer is not that of one network.
    why = None if evaluation.members or not faces else explain_mistakes(run, images, answers)
    return [{**face, "why": "" if why is None else why[number]} for number, face in enumerate(faces)]


def _face(evaluation: Evaluation, position: int) -> dict[str, Any]:
    names, probabilities = evaluation.class_names, evaluation.y_prob[position]
    # save() keeps the pixels of these very faces, in increasing position.
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
