"""A study whose trainings run on the machines of a Ray cluster, while this process holds the study.

It uses plain Ray actors, not Ray Tune: Ray Tune's `OptunaSearch` keeps its own study in memory, so the database, the
pruner and the retries of killed trials would differ from those of a study on one machine.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError
from moue.files import InUseError
from moue.training.tuning.backend import optuna
from moue.training.tuning.confirm import record_divergence
from moue.training.tuning.machines import Job
from moue.training.tuning.results import row_of
from moue.training.tuning.study import KILLED, MAX_DEATHS, STOPPED
from moue.training.tuning.trial import (
    HEARTBEAT_SECONDS,
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

_POLL_SECONDS: Final = 2.0


class ClusterSearch:
    """Trains the trials of a study on a cluster.

    Args:
        study: The study.
        machines: The cluster.
        budget: When the search ends.
        configure: Suggests the values of a trial and returns its configuration.
        listener: Notified of trials.
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
        self._last_heartbeat = time.monotonic()
        self._notified: set[str] = set()

    def run(self, progress: Progress) -> bool:
        """Train until all trials of the study are over; return whether Ctrl-C stopped it.

        Args:
            progress: Called with the number of trials that have ended, and their maximum, None if unlimited.

        Raises:
            MoueError: a training failed for a reason other than its values. The running trials will be retried.
        """
        try:
            while self._fill():
                self._send_heartbeats()
                ready = self._machines.wait(_POLL_SECONDS)
                if ready is not None:
                    self._handle(*ready)
                ended = sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in self._study.trials())
                progress(ended, self._budget.max_trials)
        except KeyboardInterrupt:
            return True
        finally:
            for job in self._machines.jobs:
                if job.trial is not None:
                    self._study.requeue(job.trial.number, STOPPED)
        return False

    def _fill(self) -> bool:
        """Start as many trials as there is room for; return whether there is anything to wait for."""
        while self._machines.has_room:
            trial = self._study.next_trial(self._budget)
            if trial is None:
                break
            self._begin(trial)
        if not self._machines.capacity:
            self._notify("no machine is left that has the CPUs for a trial; waiting for one")
            return True
        if self._machines.jobs:
            return True
        # If the process that trains the last ones is killed, they are retried here.
        running = self._study.num_running()
        if running and "others" not in self._notified:
            self._notified.add("others")
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
            self._study.requeue(trial.number, STOPPED)
            raise

    def _handle(self, job: Job, step: Step | None) -> None:
        study, trial = self._study, job.trial
        if trial is None:
            return
        if step is None:
            study.requeue(trial.number, KILLED)
        elif step.state == FAILED:
            study.requeue(trial.number, step.error[0][:300])
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
                self._machines.next_epoch(job)
                return
        else:
            end_finished(study, trial, job.run)
        self._listener.trial_ended(row_of(study.trials()[trial.number]))

    def _send_heartbeats(self) -> None:
        if time.monotonic() - self._last_heartbeat > HEARTBEAT_SECONDS:
            self._last_heartbeat = time.monotonic()
            for job in self._machines.jobs:
                if job.trial is not None:
                    self._study.send_heartbeat(job.trial)

    def _notify(self, text: str) -> None:
        if text not in self._notified:
            self._notified.add(text)
            self._listener.note(text)


class ClusterConfirmation:
    """Trains on a cluster what `moue.training.tuning.confirm.train_again` trains in this process.

    Args:
        machines: The cluster.
        runs: Run folders and configurations to train.
    """

    def __init__(self, machines: Machines, runs: Iterable[tuple[RunFolder, TrainConfig]]) -> None:
        self._machines = machines
        self._left = [Job(run, config) for run, config in runs if not run.last.exists()]
        self._total = len(self._left)
        self._deaths: Counter[RunFolder] = Counter()

    def run(self, progress: Progress) -> bool:
        """Train all runs; return whether Ctrl-C stopped it.

        Args:
            progress: Called with the number of trainings that are over, and their total.

        Raises:
            MoueError: a training failed, or its processes died `MAX_DEATHS` times.
        """
        try:
            while self._fill():
                ready = self._machines.wait(_POLL_SECONDS)
                if ready is not None:
                    self._handle(*ready)
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

    def _handle(self, job: Job, step: Step | None) -> None:
        if step is None:
            self._deaths[job.run] += 1
            if self._deaths[job.run] >= MAX_DEATHS:
                raise MoueError(
                    f"{MAX_DEATHS} processes died that trained {job.run.path}",
                    "machines with enough memory",
                    "The same command continues it; --confirm 0 leaves it out.",
                )
            self._left.append(Job(job.run, job.config))
        elif step.state == PAUSED:
            self._machines.next_epoch(job)
        elif step.state == DIVERGED:
            record_divergence(job.run, step.error[0])
        elif step.state == FAILED:
            raise MoueError(*step.error)
