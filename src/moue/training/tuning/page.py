"""The page about a study: one HTML file, complete in itself."""

from __future__ import annotations

import dataclasses
import importlib.resources
import math
import shlex
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MissingExtraError
from moue.evaluation.canvas import DARK, LIGHT, figure_uri
from moue.files import write_text
from moue.training.tuning import figures
from moue.training.tuning.confirm import standard_error
from moue.training.tuning.results import ranked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from moue.evaluation.canvas import Theme
    from moue.training.config import TrainConfig
    from moue.training.tuning.confirm import Candidate
    from moue.training.tuning.options import TuneOptions
    from moue.training.tuning.results import TuneResult
    from moue.training.tuning.space import Space

_TEMPLATE: Final = "page.html.j2"


@dataclasses.dataclass(frozen=True)
class About:
    """What the page shows besides the results.

    Attributes:
        config: The recipe that was searched.
        space: The search space.
        options: How it was searched.
        environment: What `describe_environment` returns.
        importances: The importance of each choice, in parts of 1; empty with too few trials.
    """

    config: TrainConfig
    space: Space
    options: TuneOptions
    environment: Mapping[str, Any]
    importances: Mapping[str, float]


def write_page(result: TuneResult, about: About, path: Path) -> None:
    """Write the page.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("jinja2", "tune") from error
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["duration"] = _duration
    environment.filters["number"] = _number
    environment.filters["words"] = _words
    source = importlib.resources.files("moue.training.tuning").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    write_text(path, environment.from_string(source).render(_context(result, about)))


def _context(result: TuneResult, about: About) -> dict[str, Any]:
    rows = result.trials
    states: dict[str, int] = {}
    for row in rows:
        states[row.state] = states.get(row.state, 0) + 1
    shown = sorted(rows, key=lambda row: (row.state != "finished", row.val_loss is None, row.val_loss, row.number))
    return {
        "name": result.out.resolve().name,
        "result": result,
        "about": about,
        "states": ", ".join(f"{count} {state}" for state, count in states.items()),
        "rows": shown,
        "names": [one.name for one in about.space.parameters],
        "recipe_values": about.space.values_of(about.config) or {},
        "recipe": next((row for row in ranked(rows) if row.is_recipe), None),
        "verdict": verdict(result.candidates),
        "seconds": sum(row.seconds for row in rows),
        "epochs": sum(row.epochs for row in rows if row.state in ("finished", "pruned", "running")),
        "data": about.environment["data"],
        "versions": about.environment["versions"],
        "train_command": f"moue train DATA --recipe {shlex.quote(str(result.out / 'best.toml'))} --out runs/best",
        "figures": _figures(result, about) if result.best else {},
    }


def _figures(result: TuneResult, about: About) -> dict[str, dict[str, str]]:
    rows, best = result.trials, result.best.number if result.best else -1
    scales = [
        figures.Scale(one.name, one.low, one.high, log=one.log, choices=one.choices) for one in about.space.parameters
    ]
    drawn: dict[str, Callable[[Theme], Figure]] = {
        "history": lambda theme: figures.history_figure(rows, best, theme),
        "curves": lambda theme: figures.curves_figure(rows, best, theme),
        "parallel": lambda theme: figures.parallel_figure(rows, scales, best, theme),
    }
    if about.importances:
        drawn["importances"] = lambda theme: figures.importances_figure(about.importances, theme)
    return {name: {"light": figure_uri(draw(LIGHT)), "dark": figure_uri(draw(DARK))} for name, draw in drawn.items()}


def verdict(candidates: Sequence[Candidate]) -> str:
    """Return a sentence on how sure it is that the winner beats the recipe; empty without new seeds."""
    best = next((one for one in candidates if one.losses), None)
    recipe = next((one for one in candidates if one.trial is None and one.losses), None)
    if best is None or recipe is None:
        return ""
    if best is recipe:
        return "With new seeds, no trial has a lower mean loss than the recipe."
    if math.isinf(recipe.mean):
        return "With a new seed, the loss of the recipe was no longer a number."
    gain, error = recipe.mean - best.mean, standard_error(best, recipe)
    sentence = f"With new seeds, {best.name} has a lower mean loss than the recipe by {gain:.4f}"
    if math.isnan(error):
        return f"{sentence}; one seed each says nothing about the noise."
    sure = "more than twice" if gain > 2 * error else "less than twice"
    return f"{sentence}, {sure} the standard error of that difference ({error:.4f}, {len(best.losses)} seeds each)."


def _number(value: float | None, digits: int = 4) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _words(value: Any) -> str:  # noqa: ANN401 (any choice)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
