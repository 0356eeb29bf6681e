"""The results of a study: its trials as rows, their table, and the best recipe as TOML."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import TYPE_CHECKING, Any, Final

from moue.files import write_text
from moue.training.config import TrainConfig
from moue.training.tuning.sampler import RETRY_OF

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import optuna

    from moue.training.tuning.confirm import Candidate

_STATES: Final = {"COMPLETE": "finished", "PRUNED": "pruned", "RUNNING": "running", "WAITING": "waiting"}


@dataclasses.dataclass(frozen=True)
class TrialRow:
    """A trial of a study.

    Attributes:
        number: Its number, from 0.
        state: "finished", "pruned", "running", "waiting", "killed", "stopped" or "failed".
        val_loss: The lowest validation loss of its epochs, if it has had one.
        val_accuracy: The validation accuracy of its best epoch, the one that `moue train` would keep.
        epochs: The epochs it was trained.
        seconds: How long they took.
        values: Its values of the search space.
        losses: The validation loss by epoch, from 1.
        run: The name of its folder in "trials".
        is_recipe: Whether these are the values of the recipe itself.
        note: A remark: "retries trial 3", or why it ended.
    """

    number: int
    state: str
    val_loss: float | None
    val_accuracy: float | None
    epochs: int
    seconds: float
    values: dict[str, Any]
    losses: dict[int, float]
    run: str
    is_recipe: bool
    note: str


@dataclasses.dataclass(frozen=True)
class TuneResult:
    """The state of a study when a process leaves it.

    Attributes:
        out: The study's folder.
        trials: All trials by number.
        candidates: The best trials and the recipe with their results for new seeds, the best first.
        best: The winning trial; None as long as no trial has finished.
        recipe: The path of best.toml; None as long as no trial has finished.
        num_running: Trials that other processes are training.
        interrupted: Whether Ctrl-C ended it.
    """

    out: Path
    trials: tuple[TrialRow, ...]
    candidates: tuple[Candidate, ...]
    best: TrialRow | None
    recipe: Path | None
    num_running: int
    interrupted: bool


def row_of(trial: optuna.trial.FrozenTrial) -> TrialRow:
    """Return an Optuna trial as a row."""
    attrs, losses = trial.user_attrs, dict(sorted(trial.intermediate_values.items()))
    why = attrs.get("why", "")
    state = _STATES.get(trial.state.name) or (why if why in ("killed", "stopped") else "failed")
    notes = [f"retries trial {attrs[RETRY_OF]}" if RETRY_OF in attrs else "", "" if why == state else why]
    return TrialRow(
        number=trial.number,
        state=state,
        val_loss=min(losses.values(), default=None),
        val_accuracy=attrs.get("val_accuracy"),
        epochs=len(losses),
        seconds=attrs.get("seconds", 0.0),
        values=dict(trial.params or trial.system_attrs.get("fixed_params", {})),  # the latter while it waits
        losses=losses,
        run=attrs.get("run", ""),
        is_recipe="recipe" in attrs,
        note="; ".join(note for note in notes if note),
    )


def ranked(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """Return the finished trials, the lowest loss first."""
    done = [row for row in rows if row.state == "finished" and row.val_loss is not None]
    return sorted(done, key=lambda row: (row.val_loss, row.number))


def write_table(rows: Sequence[TrialRow], path: Path) -> None:
    """Write all trials as CSV, one per row, with a column for each choice."""
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ("trial", "state", "val_loss", "val_accuracy", "epochs", "seconds", "run", "note")
    writer.writerow([*columns, *names])
    for row in rows:
        figures = (row.number, row.state, row.val_loss, row.val_accuracy, row.epochs, row.seconds, row.run, row.note)
        writer.writerow([*figures, *(row.values.get(name) for name in names)])
    write_text(path, text.getvalue())


def write_recipe(config: TrainConfig, path: Path, comment: str) -> None:
    """Write a configuration as a recipe: what differs from the defaults, as `moue train --recipe` takes it."""
    standard = TrainConfig().to_dict()
    fields = {name: value for name, value in config.to_dict().items() if name == "model" or value != standard[name]}
    fields.pop("recipe", None)
    lines = [*(f"# {line}" for line in comment.splitlines()), *(f"{name} = {_toml(fields[name])}" for name in fields)]
    write_text(path, "\n".join(lines) + "\n")


def _toml(value: Any) -> str:  # noqa: ANN401 (a field's value)
    """Return a value as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(str(name))} = {_toml(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)  # JSON and TOML agree on these
    return repr(value)
