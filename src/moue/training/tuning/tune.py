"""`tune`: search the choices of a recipe, and say how sure the winner is.

A study's folder holds

study.db        the study (Optuna's tables in SQLite), unless a database was named
trials/         a run folder for each trial; of a pruned one only history and choices
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
from moue.training.tuning.confirm import Candidate, runs_again, train_again, with_results
from moue.training.tuning.data import searched_faces
from moue.training.tuning.database import explained
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


_BETWEEN_LOOKS: Final = 2.0


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
    it goes on, and the lowest one counts. The test split is dropped before the first trial. The same call again
    continues a study, and several processes may work on one at the same time.

    Args:
        config: The recipe; it is the first trial if its values lie in the space.
        dataset: Faces with a "train" and a "val" split.
        out: The study's folder.
        space: What may change: a `Space`, a table as in a recipe, or a recipe that has one; by default that of
            `config.recipe`.
        options: How to search.
        progress: Called after each step of a training with the steps done and the steps of all its epochs; on a
            cluster, with the trainings done and the most there may be.
        listener: Told what happens between trainings.

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
    faces = searched_faces(dataset, chosen.fraction, config.seed)
    refuse_unfit_data(faces, config)
    identity = _identity(config, searched, faces, chosen)
    listener = listener or TuneListener()
    with _machines(faces, chosen, listener) as machines:
        study = SharedStudy(folder, chosen.storage, identity, searched.values_of(config))
        work = _Work(study, config, searched, faces, chosen, machines)
        with explained(study.where), study.at_work():
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
        """Train trials until all of the study are over; return whether Ctrl-C stopped it."""
        if self.machines is not None:
            return ClusterSearch(
                self.study, self.machines, self.options.budget, configure=self._configure, listener=listener
            ).run(progress)
        told = False
        try:
            while not self._train_trials(progress, listener):
                running = self.study.num_running()
                if not running:
                    return False
                # Whoever trains the last ones may be killed; then they are asked again here.
                if not told:
                    listener.waiting(running)
                told = True
                time.sleep(_BETWEEN_LOOKS)
        except KeyboardInterrupt:
            pass
        return True

    def _train_trials(self, progress: Progress, listener: TuneListener) -> bool:
        """Train trials while the budget allows; return whether Ctrl-C stopped it."""
        while (trial := self.study.next_trial(self.options.budget)) is not None:
            stopped = run_trial(self.study, trial, self._configure(trial), self.faces, progress)
            keras.utils.clear_session()  # Keras keeps each network otherwise
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
            return ClusterConfirmation(self.machines, runs_again(candidates, seeds, folder)).run(progress)
        return train_again(candidates, seeds, folder, self.faces, progress)

    def rows(self) -> list[TrialRow]:
        return [row_of(trial) for trial in self.study.trials()]

    def candidates(self) -> list[Candidate]:
        """Return the best trials and the recipe itself, without results."""
        rows = self.rows()
        chosen = [row for row in ranked(rows) if not row.is_recipe][: self.options.confirm.best]
        found = [
            Candidate(f"trial {row.number}", row.number, self.space.configure(self.config, row.values), row.val_loss)
            for row in chosen
        ]
        if chosen:
            loss = next((row.val_loss for row in ranked(rows) if row.is_recipe), None)
            found.append(Candidate("the recipe", None, self.config, loss))
        return found

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
    """Connect to the cluster that trains for the block; None if there is none."""
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
    """Return what a study is about; a process with another one is refused."""
    data = describe_environment(faces)["data"]
    found = {
        "config": config.to_dict(),
        "space": space.to_dict(),
        "pruner": options.pruner,
        "fraction": options.fraction,
        "data": {name: data[name] for name in ("checksum", "votes_checksum")},
    }
    if config.initial_weights:
        found["initial weights"] = sha256_of(find_weights(config.initial_weights))
    return found


def _winner(rows: list[TrialRow], confirmed: list[Candidate]) -> TrialRow | None:
    """Return the trial of lowest mean loss with new seeds; without any, that of the lowest loss."""
    done = ranked(rows)
    by_number = {row.number: row for row in done}
    recipe = next((row for row in done if row.is_recipe), None)
    named = [by_number.get(one.trial) if one.trial is not None else recipe for one in confirmed if one.losses]
    return next((row for row in [*named, *done] if row is not None), None)
