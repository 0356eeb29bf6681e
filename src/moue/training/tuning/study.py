"""A study that several processes share: which trial is next, and how the trial of a killed process is retried.

The study is an Optuna study in a database. Its folder holds, beside the database, a run folder for each trial and a
lock for each process at work. The operating system frees the lock of a killed process, so the next one sees at once
that its trial is abandoned. On another machine that cannot see the lock, a trial counts as dead when it has sent no
heartbeat for `HEARTBEAT_TIMEOUT` seconds.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError
from moue.files import InUseError, locked
from moue.training.config import TrainConfig
from moue.training.tuning.backend import optuna
from moue.training.tuning.database import database_lock, open_storage, readable_errors
from moue.training.tuning.sampler import RETRY_OF, RepeatableSampler, difference, make_pruner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from moue.training.tuning.budget import Budget

    Frozen = optuna.trial.FrozenTrial

HEARTBEAT_TIMEOUT: Final = 900.0
_IDENTITY: Final = "moue"
_WORKER: Final = "worker"
_HEARTBEAT: Final = "alive"
MAX_DEATHS: Final = 3
_MIN_FOR_IMPORTANCES: Final = 10
_KEPT: Final = ("run", "recipe")
KILLED: Final = "killed"
STOPPED: Final = "stopped"
_RESULTS: Final = ("trials.csv", "best.toml", "study.html")


class SharedStudy:
    """A study, opened by one process.

    Args:
        folder: The study's folder.
        storage: A database URL, or "" for a SQLite file in the folder.
        identity: What the study is about: config, space, data, pruner; a study of anything else is refused.
        first: Values for the first trial, those of the recipe, or None.

    Raises:
        MoueError: the database cannot be opened, or holds a study of something else; or the study is new and the folder
            holds files with the names of its results.
    """

    def __init__(
        self, folder: Path, storage: str, identity: Mapping[str, Any], first: Mapping[str, Any] | None
    ) -> None:
        self.folder = folder
        self._file = folder / "study.db"
        self._lock = folder / "asking"
        self._worker: dict[str, str] = {}
        config = identity["config"]
        self._url = storage or f"sqlite:///{self._file.resolve().as_posix()}"
        self.where = storage or str(self._file)
        if not storage and not self._file.exists():
            self._refuse_other_files()
        with readable_errors(self.where, opening=True), self._exclusive():
            self._storage = open_storage(self._url)
            self.study = optuna.create_study(
                storage=self._storage,
                study_name=folder.resolve().name,
                sampler=RepeatableSampler(config["seed"]),
                pruner=make_pruner(identity["pruner"], config["epochs"]),
                direction="minimize",
                load_if_exists=True,
            )
            self._join(identity, first)

    def _join(self, identity: Mapping[str, Any], first: Mapping[str, Any] | None) -> None:
        before = self.study.user_attrs.get(_IDENTITY)
        if before is None:
            self._refuse_other_files()
            # Before the identity, so that a study whose process was killed in between has none and counts as new.
            if first is not None:
                self.study.enqueue_trial(dict(first), user_attrs={"recipe": True}, skip_if_exists=True)
            self.study.set_user_attr(_IDENTITY, dict(identity))
            return
        # A field that is newer than the study had its default.
        before |= {"config": TrainConfig.from_dict(before["config"]).to_dict()}
        different = difference(before, identity)
        if different:
            raise MoueError(
                f"{self.folder} holds a study of something else ({different})",
                "the same recipe, choices, search space, pruner and data",
                "Repeat the command that started it, or name another --out.",
            )

    def _refuse_other_files(self) -> None:
        """Refuse to replace files that no study wrote."""
        for name in _RESULTS:
            if (self.folder / name).exists():
                raise MoueError(
                    f"{self.folder / name} already exists, and {self.folder} holds no study",
                    "a new folder, or the folder of a study",
                    "Name another --out.",
                )

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Keep other processes from changing the study, on this machine by a lock in its folder."""
        with locked(self._lock, wait=True), database_lock(self._url):
            yield

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Hold a lock that shows other processes that this one is alive."""
        name = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(3)}"
        path = (self.folder / "workers" / name).resolve()
        with locked(path):
            self._worker = {"host": platform.node(), "lock": str(path)}
            try:
                yield
            finally:
                self._worker = {}

    def next_trial(self, budget: Budget) -> optuna.Trial | None:
        """Return the next trial to train, or None if the budget is spent or nothing is left."""
        with self._exclusive():
            self._collect_dead()
            trials = self.trials()
            waiting = any(trial.state == optuna.trial.TrialState.WAITING for trial in trials)
            started = [trial for trial in trials if RETRY_OF not in trial.user_attrs]
            done = sum(trial.state != optuna.trial.TrialState.WAITING for trial in started)
            if budget.is_spent(trials) or not (waiting or budget.allows(done)):
                return None
            trial = self.study.ask()
            trial.set_user_attr(_WORKER, self._worker)
            self.send_heartbeat(trial)
            if "run" not in trial.user_attrs:
                trial.set_user_attr("run", f"trial-{trial.number:04d}")
            return trial

    def send_heartbeat(self, trial: optuna.Trial) -> None:
        """Record for other machines that a trial is being trained."""
        trial.set_user_attr(_HEARTBEAT, time.time())

    def requeue(self, number: int, why: str) -> None:
        """Mark a trial that did not end as failed, and queue its values again unless it died `MAX_DEATHS` times.

        Args:
            number: The trial.
            why: `KILLED`, `STOPPED`, or an error message.
        """
        trial = self.trials()[number]
        deaths = trial.user_attrs.get("deaths", 0) + (why != STOPPED)
        self._mark(number, why)
        self.study.tell(number, state=optuna.trial.TrialState.FAIL)
        if deaths >= MAX_DEATHS:  # such values may kill every process that tries them
            return
        kept: dict[str, Any] = {name: trial.user_attrs[name] for name in _KEPT if name in trial.user_attrs}
        kept |= {RETRY_OF: trial.user_attrs.get(RETRY_OF, number), "deaths": deaths}
        self.study.enqueue_trial(trial.params, user_attrs=kept)

    def trials(self) -> list[Frozen]:
        """Return all trials by number."""
        return self.study.get_trials(deepcopy=False)

    def importances(self) -> dict[str, float]:
        """Return how much each choice matters for the best tenth of the trials, in parts of 1; empty if too few."""
        finished = self.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        if len(finished) < _MIN_FOR_IMPORTANCES:
            return {}
        return optuna.importance.get_param_importances(
            self.study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )

    def num_running(self) -> int:
        """Return how many trials other processes are training."""
        running = optuna.trial.TrialState.RUNNING
        return sum(trial.state == running and not self._is_dead(trial) for trial in self.trials())

    def _collect_dead(self) -> None:
        for trial in self.trials():
            if trial.state == optuna.trial.TrialState.RUNNING and self._is_dead(trial):
                self.requeue(trial.number, KILLED)

    def _is_dead(self, trial: Frozen) -> bool:
        worker = trial.user_attrs.get(_WORKER)
        if worker == self._worker:
            return False
        if worker and worker["host"] == platform.node():
            return not _is_held(Path(worker["lock"]))
        started = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
        return bool(time.time() - trial.user_attrs.get(_HEARTBEAT, started) > HEARTBEAT_TIMEOUT)

    def _mark(self, number: int, why: str) -> None:
        study = self._storage.get_study_id_from_name(self.study.study_name)
        trial = self._storage.get_trial_id_from_study_id_trial_number(study, number)
        self._storage.set_trial_user_attr(trial, "why", why)


def _is_held(path: Path) -> bool:
    """Return whether a process holds a lock."""
    if not path.with_name(f".{path.name}.lock").exists():
        return False
    try:
        with locked(path):
            return False
    except InUseError:
        return True
