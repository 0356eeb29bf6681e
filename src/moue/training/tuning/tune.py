"""`tune`: search the choices of a recipe, and check how sure the winner is.

A study's folder holds

study.db        the study (Optuna's tables in SQLite), unless a database was named
trials/         a run folder for each trial; a pruned one keeps only history and configuration
confirm/        the best trials and the recipe, trained again with new seeds
trials.csv      the table of trials
best.toml       the recipe of the winner
study.html      the page about it
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.data.dataset import refuse_no_dataset
from moue.errors import MoueError
from moue.files import as_path, sha256_of
from moue.progress import ignore_progress
from moue.ray_cluster import connected
from moue.training.backend import keras
from moue.training.config import refuse_no_config
from moue.training.finetune import find_weights
from moue.training.run_folder import describe_environment
from moue.training.targets import refuse_unfit_data
from moue.training.tuning.confirm import Candidate, confirmation_runs, train_again, with_results
from moue.training.tuning.data import study_faces
from moue.training.tuning.database import readable_errors
from moue.training.tuning.listener import TuneListener
from moue.training.tuning.machines import Machines
from moue.training.tuning.on_cluster import ClusterConfirmation, ClusterSearch
from moue.training.tuning.options import TuneOptions
from moue.training.tuning.page import About, write_page
from moue.training.tuning.results import TuneResult, ranked, row_of, write_recipe, write_table
from moue.training.tuning.space import Space
from moue.training.tuning.study import SharedStudy
from moue.training.tuning.trial import run_trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import optuna

    from moue.data.dataset import Dataset
    from moue.progress import Progress
    from moue.training.config import TrainConfig
    from moue.training.tuning.results import TrialRow


_POLL_SECONDS: Final = 2.0


def tune(  # noqa: PLR0913 (what is searched, and how the caller takes part)
    config: TrainConfig,
    dataset: Dataset,
    out: str | Path,
    *,
    space: Space | Mapping[str, Any] | str | Path | None = None,
    options: TuneOptions | None = None,
    progress: Progress = ignore_progress,
    listener: TuneListener | None = None,
) -> TuneResult:
    """Search the choices of a recipe for the lowest validation loss.

    Each trial is a training by `moue.train` on the training split. Its validation loss after each epoch decides whether
    it continues, and the lowest one counts. The test split is dropped before the first trial. Repeating the call
    continues a study, and several processes may work on one at the same time.

    Args:
        config: The recipe; it is the first trial if its values lie in the space.
        dataset: Faces with a "train" and a "val" split.
        out: The study's folder.
        space: What may change: a `Space`, a table as in a recipe, or a recipe that has one; by default that of
            `config.recipe`.
        options: How to search.
        progress: Called after each step of a training with the steps done and the steps of all its epochs; on a
            cluster, with the trainings done and their maximum.
        listener: Notified of what happens between trainings.

    Raises:
        MoueError: a wrong space, unfit data, or a folder with another study.
        MissingExtraError: Optuna is not installed, or Ray for a cluster.
    """
    chosen, folder = options or TuneOptions(), as_path(out, "the study's folder")
    refuse_no_config(config)
    refuse_no_dataset(dataset)
    if config.distill_weight:
        raise MoueError("a recipe with a teacher", "distill_weight = 0", "Tune without it: --set distill_weight=0.")
    searched = space if isinstance(space, Space) else _read_space(space, config)
    faces = study_faces(dataset, chosen.fraction, config.seed)
    refuse_unfit_data(faces, config)
    identity = _identity(config, searched, faces, chosen)
    listener = listener or TuneListener()
    with _machines(faces, chosen, listener) as machines:
        study = SharedStudy(folder, chosen.storage, identity, searched.values_of(config))
        work = _Work(study, config, searched, faces, chosen, machines)
        with readable_errors(study.where), study.at_work():
            stopped = work.search(progress, listener) or work.confirm(progress)
            running = study.num_running()
    return work.conclude(num_running=running, interrupted=stopped)


@dataclasses.dataclass(frozen=True)
class _Work:
    """What one process does for a study."""

    study: SharedStudy
    config: TrainConfig
    space: Space
    faces: Dataset
    options: TuneOptions
    machines: Machines | None

    def search(self, progress: Progress, listener: TuneListener) -> bool:
        """Train until all trials of the study are over; return whether Ctrl-C stopped it."""
        if self.machines is not None:
            return ClusterSearch(
                self.study, self.machines, self.options.budget, configure=self._configure, listener=listener
            ).run(progress)
        notified = False
        try:
            while not self._train_trials(progress, listener):
                running = self.study.num_running()
                if not running:
                    return False
                # If the process that trains the last ones is killed, they are retried here.
                if not notified:
                    listener.waiting(running)
                notified = True
                time.sleep(_POLL_SECONDS)
        except KeyboardInterrupt:
            pass
        return True

    def _train_trials(self, progress: Progress, listener: TuneListener) -> bool:
        """Train trials while the budget allows; return whether Ctrl-C stopped it."""
        while (trial := self.study.next_trial(self.options.budget)) is not None:
            stopped = run_trial(self.study, trial, self._configure(trial), self.faces, progress)
            keras.utils.clear_session()  # otherwise Keras keeps each model
            if stopped:
                return True
            listener.trial_ended(row_of(self.study.trials()[trial.number]))
        return False

    def _configure(self, trial: optuna.Trial) -> TrainConfig:
        return self.space.configure(self.config, self.space.suggest(trial))

    def confirm(self, progress: Progress) -> bool:
        """Train the candidates with new seeds; return whether Ctrl-C stopped it."""
        candidates, seeds, folder = self.candidates(), self.options.confirm.seeds, self.study.folder / "confirm"
        if self.machines is not None:
            return ClusterConfirmation(self.machines, confirmation_runs(candidates, seeds, folder)).run(progress)
        return train_again(candidates, seeds, folder, self.faces, progress)

    def rows(self) -> list[TrialRow]:
        return [row_of(trial) for trial in self.study.trials()]

    def candidates(self) -> list[Candidate]:
        """Return the best trials and the recipe itself, without results."""
        rows = self.rows()
        chosen = [row for row in ranked(rows) if not row.is_recipe][: self.options.confirm.best]
        candidates = [
            Candidate(f"trial {row.number}", row.number, self.space.configure(self.config, row.values), row.val_loss)
            for row in chosen
        ]
        if chosen:
            loss = next((row.val_loss for row in ranked(rows) if row.is_recipe), None)
            candidates.append(Candidate("the recipe", None, self.config, loss))
        return candidates

    def conclude(self, *, num_running: int, interrupted: bool) -> TuneResult:
        """Write the table, the recipe and the page."""
        folder, rows = self.study.folder, self.rows()
        write_table(rows, folder / "trials.csv")
        confirmed = with_results(self.candidates(), self.options.confirm.seeds, folder / "confirm")
        best = _winner(rows, confirmed)
        recipe = folder / "best.toml" if best else None
        if best and recipe:
            write_recipe(self.space.configure(self.config, best.values), recipe, self._comment(best))
        result = TuneResult(folder, tuple(rows), tuple(confirmed), best, recipe, num_running, interrupted)
        environment = describe_environment(self.faces)
        about = About(self.config, self.space, self.options, environment, self.study.importances())
        write_page(result, about, folder / "study.html")
        return result

    def _comment(self, best: TrialRow) -> str:
        part = f", {self.options.fraction:.0%} of the training faces" if self.options.fraction < 1 else ""
        length = f"{self.config.epochs} epoch{'' if self.config.epochs == 1 else 's'}"
        return (
            f"Trial {best.number} of {len(self.rows())}, found by moue tune from the recipe {self.config.recipe}.\n"
            f"Validation loss {best.val_loss:.4f} with seed {self.config.seed}, {length}{part}."
        )


@contextlib.contextmanager
def _machines(faces: Dataset, options: TuneOptions, listener: TuneListener) -> Iterator[Machines | None]:
    """Connect to the cluster for the block; None if this process trains."""
    if not options.ray:
        yield None
        return
    with connected(options.ray, listener.note) as ray, Machines(ray, faces, options.cpus_per_trial) as machines:
        yield machines


def _read_space(space: Mapping[str, Any] | str | Path | None, config: TrainConfig) -> Space:
    if space is None or isinstance(space, str | Path):
        return Space.from_recipe(space or config.recipe, config)
    return Space.from_dict(space, config)


def _identity(config: TrainConfig, space: Space, faces: Dataset, options: TuneOptions) -> dict[str, Any]:
    """Return what a study is about; a process with another identity is refused."""
    data = describe_environment(faces)["data"]
    identity = {
        "config": config.to_dict(),
        "space": space.to_dict(),
        "pruner": options.pruner,
        "fraction": options.fraction,
        "data": {name: data[name] for name in ("checksum", "votes_checksum")},
    }
    if config.initial_weights:
        identity["initial weights"] = sha256_of(find_weights(config.initial_weights))
    return identity


def _winner(rows: list[TrialRow], confirmed: list[Candidate]) -> TrialRow | None:
    """Return the trial of lowest mean loss with new seeds; without new seeds, that of lowest loss."""
    done = ranked(rows)
    by_number = {row.number: row for row in done}
    recipe = next((row for row in done if row.is_recipe), None)
    named = [by_number.get(one.trial) if one.trial is not None else recipe for one in confirmed if one.losses]
    return next((row for row in [*named, *done] if row is not None), None)
