"""Checks whether a run can be continued: the same choices, the same data, the same initial weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moue.errors import MoueError
from moue.training.targets import needs_votes

if TYPE_CHECKING:
    from moue.training.config import TrainConfig
    from moue.training.run_folder import History, RunFolder


def open_run(run: RunFolder, config: TrainConfig, environment: dict[str, Any]) -> History:
    """Return the history of an interrupted run.

    Args:
        run: The run folder.
        config: The configuration now.
        environment: What `describe_environment` returns now.

    Raises:
        MoueError: there is no such run, or it was started with other choices, other data or other initial weights.
    """
    run.refuse_absent()
    _refuse_other_choices(run, config)
    started = run.read_environment()
    checked = {"checksum": "the data"}
    if needs_votes(config):
        checked["votes_checksum"] = "the FER+ votes"
    if config.distill_weight:
        checked["teacher_checksum"] = "the teacher's predictions"
    for key, name in checked.items():
        _refuse_other(name, environment["data"][key], started["data"].get(key), "the same data")
    # Only a run that was interrupted in its first epoch loads them again.
    if "initial_weights" in environment:
        before = started.get("initial_weights")
        checksum = before.get("sha256") if isinstance(before, dict) else before
        _refuse_other("the initial weights", environment["initial_weights"]["sha256"], checksum, "the same weights")
    return run.read_history()


def is_over(history: History, epochs: int, patience: int) -> bool:
    """Return whether a run has had all its epochs, or was stopped early with this `patience` (0: never)."""
    losses = [row["val_loss"] for row in history]
    stopped = bool(losses) and 0 < patience < len(losses) - losses.index(min(losses))
    return len(losses) >= epochs or stopped


def _refuse_other_choices(run: RunFolder, config: TrainConfig) -> None:
    before, now = run.read_config().to_dict(), config.to_dict()
    different = [f"{name}: {before[name]!r} there, {now[name]!r} now" for name in now if before[name] != now[name]]
    if different:
        raise MoueError(
            f"{run.path} was started with other choices ({'; '.join(different)})",
            "the same ones",
            "Repeat the first command with --resume added, or name another --out.",
        )


def _refuse_other(name: str, now: object, before: object, expected: str) -> None:
    if now != before:
        raise MoueError(
            f"{name}: checksum {now!s:.12}…, but the run was started with {before!s:.12}…",
            expected,
            "Start a new run.",
        )
