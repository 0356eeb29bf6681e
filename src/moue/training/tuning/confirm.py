"""Confirms the winner: trains the best trials and the recipe itself again with new seeds."""

from __future__ import annotations

import dataclasses
import math
import re
import statistics
from typing import TYPE_CHECKING

from moue.errors import SettingError
from moue.files import InUseError, write_text
from moue.training.callbacks import DivergedError
from moue.training.run_folder import RunFolder
from moue.training.train import StoppedError, train
from moue.training.tuning.trial import summarize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from moue.data.dataset import Dataset
    from moue.progress import Progress
    from moue.training.config import TrainConfig


@dataclasses.dataclass(frozen=True)
class Confirm:
    """How many of the best trials are trained again, and with how many new seeds.

    Attributes:
        best: Number of trials; 0: none.
        seeds: Number of new seeds.
    """

    best: int = 3
    seeds: int = 2

    @classmethod
    def from_text(cls, text: str) -> Confirm:
        """Read "3x2", the three best with two seeds each, or "0".

        Raises:
            MoueError: it is neither.
        """
        if text == "0":
            return cls(0, 0)
        match = re.fullmatch(r"([1-9]\d?)x([1-9]\d?)", text)
        if not match:
            raise SettingError(f"confirm = {text!r}", "BESTxSEEDS, such as 3x2, or 0", "0 leaves it out.")
        return cls(int(match[1]), int(match[2]))


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A configuration that is trained again.

    Attributes:
        name: "trial 7", or "the recipe".
        trial: The trial's number, or None.
        config: Its choices.
        searched: Its validation loss in the search, or None.
        losses: The validation losses with new seeds so far.
        accuracies: The validation accuracies with new seeds so far.
    """

    name: str
    trial: int | None
    config: TrainConfig
    searched: float | None
    losses: tuple[float, ...] = ()
    accuracies: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """The mean validation loss with new seeds, which decided nothing in the search; infinite if there is none."""
        return statistics.fmean(self.losses) if self.losses else math.inf

    @property
    def spread(self) -> float:
        """The standard deviation of that loss over the new seeds; NaN for fewer than two."""
        enough = len(self.losses) > 1 and math.isfinite(self.mean)
        return statistics.stdev(self.losses) if enough else math.nan


def standard_error(one: Candidate, other: Candidate) -> float:
    """Return the standard error of the difference of two means; NaN with fewer than two seeds."""
    parts = [candidate.spread**2 / len(candidate.losses) for candidate in (one, other) if len(candidate.losses) > 1]
    return math.sqrt(sum(parts)) if len(parts) == 2 else math.nan


def train_again(
    candidates: Sequence[Candidate], seeds: int, folder: Path, dataset: Dataset, progress: Progress
) -> bool:
    """Train each candidate with each new seed; return whether Ctrl-C stopped it.

    Complete runs and runs that another process trains are skipped.

    Args:
        candidates: What to train.
        seeds: Number of new seeds.
        folder: Where the run folders go.
        dataset: The faces of the search.
        progress: Called after each step.
    """
    for run, config in confirmation_runs(candidates, seeds, folder):
        try:
            result = train(config, dataset, run.path, resume=run.config.exists(), progress=progress, export=False)
        except InUseError:
            continue
        except DivergedError as error:
            record_divergence(run, str(error))
            continue
        except (StoppedError, KeyboardInterrupt):
            return True
        if result.interrupted:
            return True
    return False


def confirmation_runs(
    candidates: Sequence[Candidate], seeds: int, folder: Path
) -> Iterator[tuple[RunFolder, TrainConfig]]:
    """Yield run folder and configuration of each candidate with each new seed, except of runs that diverged.

    All candidates come with one seed before the next, so an interruption leaves them about equally many runs.
    """
    for offset in range(1, seeds + 1):
        for candidate in candidates:
            config = dataclasses.replace(candidate.config, seed=candidate.config.seed + offset)
            run = run_of(folder, candidate, config.seed)
            if not _diverged(run).exists():
                yield run, config


def record_divergence(run: RunFolder, why: str) -> None:
    """Record that the loss of a run is no longer a number."""
    write_text(_diverged(run), why)


def with_results(candidates: Sequence[Candidate], seeds: int, folder: Path) -> list[Candidate]:
    """Return the candidates with the results of their finished runs, the lowest mean loss first."""
    updated = []
    for candidate in candidates:
        done = []
        for offset in range(1, seeds + 1):
            run = run_of(folder, candidate, candidate.config.seed + offset)
            if run.last.exists():  # it exists only when the run has ended
                done.append(summarize(run.read_history()))
            elif _diverged(run).exists():
                done.append({"val_loss": math.inf, "val_accuracy": 0.0})
        losses, accuracies = ([one[name] for one in done] for name in ("val_loss", "val_accuracy"))
        updated.append(dataclasses.replace(candidate, losses=tuple(losses), accuracies=tuple(accuracies)))
    return sorted(updated, key=lambda one: (one.mean, one.searched or math.inf))


def _diverged(run: RunFolder) -> Path:
    return run.path / "diverged.txt"


def run_of(folder: Path, candidate: Candidate, seed: int) -> RunFolder:
    """Return the run folder of a candidate with a seed."""
    name = "recipe" if candidate.trial is None else f"trial-{candidate.trial:04d}"
    return RunFolder(folder / f"{name}-seed-{seed}")
