"""The machines of a cluster: the process that holds a study starts trainings there and stores their results."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from typing import TYPE_CHECKING, Any, Self

from moue.errors import SettingError
from moue.files import locked
from moue.training.tuning.worker import FAILED, PAUSED, Trainer, read_files, write_files

if TYPE_CHECKING:
    import optuna

    from moue.data.dataset import Dataset
    from moue.training.config import TrainConfig
    from moue.training.run_folder import RunFolder
    from moue.training.tuning.worker import Step


@dataclasses.dataclass(eq=False)
class Job:
    """A training on a machine.

    Attributes:
        run: Its run folder in the folder of the study; the machine has a copy.
        config: Its configuration.
        trial: The trial that it belongs to; None for one with a new seed.
        process: The process that trains it.
        lock: Its lock on the run folder.
    """

    run: RunFolder
    config: TrainConfig
    trial: optuna.Trial | None = None
    process: Any = None
    lock: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)


class Machines:
    """Training processes on a cluster, each with its own CPUs; used in a ``with`` statement.

    Args:
        ray: The module, connected.
        faces: The faces of the study, which are sent to each machine once.
        cpus: CPUs of each training.

    Raises:
        SettingError: no machine has enough CPUs.
    """

    def __init__(self, ray: Any, faces: Dataset, cpus: int) -> None:  # noqa: ANN401 (the module)
        self._ray, self._cpus = ray, cpus
        self._pending: dict[Any, Job] = {}
        self._idle: list[Any] = []
        self.jobs: list[Job] = []
        most = max(self._cpus_of_nodes(), default=0)
        if most < cpus:
            raise SettingError(
                f"{cpus} CPUs for each trial, and no machine of the cluster has more than {most}",
                "at most as many as the largest machine has",
                f"Add --cpus-per-trial {max(1, most)}.",
            )
        self._faces = ray.put(faces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for job in list(self.jobs):
            self._discard(job)
        for process in self._idle:
            self._ray.kill(process)

    @property
    def capacity(self) -> int:
        """How many trainings fit on the machines that are alive now."""
        return sum(cpus // self._cpus for cpus in self._cpus_of_nodes())

    @property
    def has_room(self) -> bool:
        """Whether another training would start at once."""
        return len(self.jobs) < self.capacity

    def begin(self, job: Job) -> None:
        """Start a training, or continue it from its last whole epoch.

        Raises:
            InUseError: another process trains in its run folder.
        """
        job.lock.enter_context(locked(job.run.path))
        job.process = self._idle.pop() if self._idle else self._start()
        self.jobs.append(job)
        self._pending[job.process.begin.remote(job.config.to_dict(), read_files(job.run.path))] = job

    def wait(self, seconds: float) -> tuple[Job, Step | None] | None:
        """Wait for a training to end an epoch, and store what is new in its run folder.

        A training that is `PAUSED` waits for `next_epoch` or `stop`.

        Returns:
            The training and its step, which is None if its process died; or None after the timeout.
        """
        ready, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=seconds)
        if not ready:
            return None
        job = self._pending.pop(ready[0])
        try:
            step: Step = self._ray.get(ready[0])
        except (self._ray.exceptions.RayActorError, self._ray.exceptions.ObjectLostError) as error:
            self._discard(job)
            if getattr(error, "actor_init_failed", False):  # it would fail everywhere
                raise
            return job, None
        if step.state != FAILED:  # a failed one keeps the files that it sent before
            write_files(job.run.path, step.files, step.names)
        if step.state != PAUSED:
            self._free(job)
        return job, step

    def next_epoch(self, job: Job) -> None:
        """Let a paused training train its next epoch."""
        self._pending[job.process.next_epoch.remote()] = job

    def stop(self, job: Job) -> None:
        """End a paused training."""
        job.process.stop.remote()
        self._free(job)

    def _free(self, job: Job) -> None:
        self._idle.append(job.process)
        self.jobs.remove(job)
        job.lock.close()

    def _discard(self, job: Job) -> None:
        self._ray.kill(job.process)
        self.jobs.remove(job)
        job.lock.close()

    def _start(self) -> Any:  # noqa: ANN401 (a handle of Ray)
        # The process is not restarted after a failure: the trial is retried where there is room.
        kind = self._ray.remote(Trainer).options(num_cpus=self._cpus, max_restarts=0, max_task_retries=0)
        return kind.remote(self._faces, self._cpus, os.environ.get("KERAS_BACKEND", "tensorflow"))

    def _cpus_of_nodes(self) -> list[int]:
        return [int(node["Resources"].get("CPU", 0)) for node in self._ray.nodes() if node["Alive"]]
