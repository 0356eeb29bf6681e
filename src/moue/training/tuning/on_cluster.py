"""A study whose trainings run on the machines of a Ray cluster; this process holds the study, asks it and tells it.

Plain actors of Ray, and not Ray Tune: its `OptunaSearch` keeps a study of its own in memory, so neither the database,
nor the pruner, nor how a killed trial is asked again would be those of a study on one machine.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError
from moue.files import InUseError
from moue.training.tuning.backend import optuna
from moue.training.tuning.confirm import note_divergence
from moue.training.tuning.machines import Job
from moue.training.tuning.results import row_of
from moue.training.tuning.study import KILLED, MOST_DEATHS, STOPPED
from moue.training.tuning.trial import (
    BETWEEN_SIGNS,
    end_diverged,
    end_finished,
    end_pruned,
    report,
    run_of_trial,
)
from moue.training.tuning.worker import DIVERGED, FAILED, PAUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from moue.progress import Progress
    from moue.training.config import TrainConfig
    from moue.training.run_folder import RunFolder
    from moue.training.tuning.budget import Budget
    from moue.training.tuning.listener import TuneListener
    from moue.training.tuning.machines import Machines
    from moue.training.tuning.study import SharedStudy
    from moue.training.tuning.worker import Step

_BETWEEN_LOOKS: Final = 2.0


class ClusterSearch:
    """Trains the trials of a study on a cluster.

    Args:
        study: The study.
        machines: The cluster.
        budget: When the search ends.
        configure: Asks a trial for its values and returns its configuration.
        listener: Is told of trials.
    """

    def __init__(
        self,
        study: SharedStudy,
        machines: Machines,
        budget: Budget,
        *,
        configure: Callable[[optuna.Trial], TrainConfig],
        listener: TuneListener,
    ) -> None:
        self._study, self._machines, self._budget = study, machines, budget
        self._configure, self._listener = configure, listener
        self._sign = time.monotonic()
        self._told: set[str] = set()

    def run(self, progress: Progress) -> bool:
        """Train trials until all of the study are over; return whether Ctrl-C stopped it.

        Args:
            progress: Called with the number of trials that have ended, and the most there may be, None if unlimited.

        Raises:
            MoueError: a training failed for a reason other than its values. What was running will be asked again.
        """
        try:
            while self._fill():
                self._show_life()
                found = self._machines.wait(_BETWEEN_LOOKS)
                if found is not None:
                    self._take(*found)
                ended = sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in self._study.trials())
                progress(ended, self._budget.most_trials)
        except KeyboardInterrupt:
            return True
        finally:
            for job in self._machines.jobs:
                if job.trial is not None:
                    self._study.give_back(job.trial.number, STOPPED)
        return False

    def _fill(self) -> bool:
        """Begin as many trials as there is room for; return whether there is anything to wait for."""
        while self._machines.has_room:
            trial = self._study.next_trial(self._budget)
            if trial is None:
                break
            self._begin(trial)
        if not self._machines.num_places:
            self._tell("no machine is left that has the CPUs for a trial; waiting for one")
            return True
        if self._machines.jobs:
            return True
        # Whoever trains the last ones may be killed; then they are asked again here.
        running = self._study.num_running()
        if running and "others" not in self._told:
            self._told.add("others")
            self._listener.waiting(running)
        return bool(running)

    def _begin(self, trial: optuna.Trial) -> None:
        job = Job(run_of_trial(self._study, trial), self._configure(trial), trial)
        try:
            report(trial, job.run.read_history(), job.config.epochs)
            self._machines.begin(job)
        except optuna.TrialPruned:
            end_pruned(self._study, trial, job.run)
            self._listener.trial_ended(row_of(self._study.trials()[trial.number]))
        except BaseException:
            self._study.give_back(trial.number, STOPPED)
            raise

    def _take(self, job: Job, step: Step | None) -> None:
        study, trial = self._study, job.trial
        if trial is None:
            return
        if step is None:
            study.give_back(trial.number, KILLED)
        elif step.state == FAILED:
            study.give_back(trial.number, step.error[0][:300])
            raise MoueError(*step.error)
        elif step.state == DIVERGED:
            end_diverged(study, trial, job.run, step.error[0])
        elif step.state == PAUSED:
            try:
                report(trial, job.run.read_history()[-1:], job.config.epochs)
            except optuna.TrialPruned:
                self._machines.stop(job)
                end_pruned(study, trial, job.run)
            else:
                self._machines.go_on(job)
                return
        else:
            end_finished(study, trial, job.run)
        self._listener.trial_ended(row_of(study.trials()[trial.number]))

    def _show_life(self) -> None:
        if time.monotonic() - self._sign > BETWEEN_SIGNS:
            self._sign = time.monotonic()
            for job in self._machines.jobs:
                if job.trial is not None:
                    self._study.show_life(job.trial)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._listener.note(text)


class ClusterConfirmation:
    """As `moue.training.tuning.confirm.train_again`, on a cluster.

    Args:
        machines: The cluster.
        runs: Run folders and configurations of what is to be trained.
    """

    def __init__(self, machines: Machines, runs: Iterable[tuple[RunFolder, TrainConfig]]) -> None:
        self._machines = machines
        self._left = [Job(run, config) for run, config in runs if not run.last.exists()]
        self._total = len(self._left)
        self._deaths: Counter[RunFolder] = Counter()

    def run(self, progress: Progress) -> bool:
        """Train all of it; return whether Ctrl-C stopped it.

        Args:
            progress: Called with the number of trainings that are over, and of all.

        Raises:
            MoueError: a training failed, or its processes died again and again.
        """
        try:
            while self._fill():
                found = self._machines.wait(_BETWEEN_LOOKS)
                if found is not None:
                    self._take(*found)
                progress(self._total - len(self._left) - len(self._machines.jobs), self._total)
        except KeyboardInterrupt:
            return True
        return False

    def _fill(self) -> bool:
        while self._left and self._machines.has_room:
            try:
                self._machines.begin(self._left.pop(0))
            except InUseError:
                self._total -= 1  # another process trains it
        return bool(self._left or self._machines.jobs)

    def _take(self, job: Job, step: Step | None) -> None:
        if step is None:
            self._deaths[job.run] += 1
            if self._deaths[job.run] >= MOST_DEATHS:
                raise MoueError(
                    f"{MOST_DEATHS} processes died that trained {job.run.path}",
                    "machines with enough memory",
                    "The same command continues it; --confirm 0 leaves it out.",
                )
            self._left.append(Job(job.run, job.config))
        elif step.state == PAUSED:
            self._machines.go_on(job)
        elif step.state == DIVERGED:
            note_divergence(job.run, step.error[0])
        elif step.state == FAILED:
            raise MoueError(*step.error)
