"""What runs on the nodes of a cluster during a study: trainings that wait for a command after each epoch.

A node needs no shared folder. It trains in a temporary one and returns the new files in it after each epoch. Nothing
here imports Keras before `Trainer` has set how many threads it may use.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import tempfile
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError
from moue.files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from moue.data.dataset import Dataset

PAUSED: Final = "paused"
FINISHED: Final = "finished"
DIVERGED: Final = "diverged"
FAILED: Final = "failed"
_LAST: Final = ("config.json", "history.json")  # the former makes a folder resumable; the latter names a checkpoint


@dataclasses.dataclass(frozen=True)
class Step:
    """The state of a training.

    Attributes:
        state: `PAUSED` after an epoch, or how it ended: `FINISHED`, `DIVERGED` or `FAILED`.
        files: New files in its run folder since the previous step, by name; empty if it failed.
        names: The names of all files in its run folder.
        error: If it diverged or failed: what came, what was expected, how to fix it.
    """

    state: str
    files: Mapping[str, bytes]
    names: AbstractSet[str]
    error: tuple[str, str, str] = ("", "", "")


class Trainer:
    """A process on a node that trains one configuration after another.

    Args:
        faces: The faces of the study.
        cpus: How many threads it may use.
        backend: Keras's backend.
    """

    def __init__(self, faces: Dataset, cpus: int, backend: str) -> None:
        os.environ["KERAS_BACKEND"] = backend
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
            os.environ[name] = str(cpus)
        self._faces = faces
        self._steps: Queue[Step] = Queue()
        self._commands: Queue[bool] = Queue()
        self._thread = Thread()
        self._seen: dict[str, tuple[int, int]] = {}

    def begin(self, config: dict[str, Any], files: Mapping[str, bytes]) -> Step:
        """Start a training, or continue one.

        Args:
            config: The configuration as a dictionary.
            files: The run folder so far, by name.
        """
        self._seen = {}
        self._thread = Thread(target=self._train, args=(config, files), daemon=True)
        self._thread.start()
        return self._steps.get()

    def next_epoch(self) -> Step:
        """Train the next epoch."""
        self._commands.put(True)
        return self._steps.get()

    def stop(self) -> None:
        """End a paused training."""
        self._commands.put(False)
        self._thread.join()

    def _train(self, config: dict[str, Any], files: Mapping[str, bytes]) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="moue-") as name:
                step = self._fit(config, files, Path(name) / "run")
        except _StoppedByDriver:
            return
        except MoueError as error:
            step = Step(FAILED, {}, frozenset(), (error.came, error.expected, error.fix))
        except Exception as error:  # noqa: BLE001 (the driver reports every error)
            came = f"on the machine {socket.gethostname()}: {type(error).__name__}: {error}"
            step = Step(FAILED, {}, frozenset(), (came, "a training that ends", "The same command retries it."))
        self._steps.put(step)

    def _fit(self, config: dict[str, Any], files: Mapping[str, bytes], folder: Path) -> Step:
        from moue.training.backend import keras  # noqa: PLC0415 (Keras reads the environment)
        from moue.training.callbacks import DivergedError  # noqa: PLC0415
        from moue.training.config import TrainConfig  # noqa: PLC0415
        from moue.training.train import train  # noqa: PLC0415

        write_files(folder, files)
        self._step(folder, PAUSED)  # the received files are not sent back
        pause = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: self._wait(folder))
        chosen, resume = TrainConfig.from_dict(config), (folder / "config.json").exists()
        try:
            train(chosen, self._faces, folder, resume=resume, callbacks=[pause], export=False)
        except DivergedError as error:
            return self._step(folder, DIVERGED, (error.came, error.expected, error.fix))
        finally:
            keras.utils.clear_session()  # otherwise Keras keeps each model
        return self._step(folder, FINISHED)

    def _wait(self, folder: Path) -> None:
        self._steps.put(self._step(folder, PAUSED))
        if not self._commands.get():
            raise _StoppedByDriver

    def _step(self, folder: Path, state: str, error: tuple[str, str, str] = ("", "", "")) -> Step:
        found = {name: (info.st_mtime_ns, info.st_size) for name, info in _infos(folder).items()}
        new = {name: (folder / name).read_bytes() for name, seen in found.items() if self._seen.get(name) != seen}
        self._seen = found
        return Step(state, new, found.keys() - set(), error)


class _StoppedByDriver(BaseException):
    """The driver stopped the training."""


def _infos(folder: Path) -> dict[str, os.stat_result]:
    """Return the files of a folder by name, except hidden ones: locks and unfinished files."""
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        name.as_posix(): path.stat()
        for name, path in found.items()
        if not any(part.startswith(".") for part in name.parts)
    }


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the contents of the files in a run folder, by name; empty if there is no folder."""
    return {name: (folder / name).read_bytes() for name in _infos(folder)}


def write_files(folder: Path, files: Mapping[str, bytes], keep: AbstractSet[str] | None = None) -> None:
    """Write files into a run folder in an order that leaves it resumable, even if the writing is interrupted.

    Args:
        folder: The run folder.
        files: Contents by name.
        keep: Other files that stay; None: all of them.
    """
    for name in sorted(files, key=lambda one: (_LAST.index(one) + 1 if one in _LAST else 0, one)):
        with replacing(folder / name) as temporary:
            temporary.write_bytes(files[name])
    for name in () if keep is None else _infos(folder).keys() - keep:
        (folder / name).unlink()
