"""The run folder: everything that a training leaves behind, and what it needs to go on.

config.json        the TrainConfig
environment.json   versions, processor, backend, data, command
history.json/.csv  one row an epoch
teacher.npz        what the teachers say of the training faces, where there are any
checkpoints/epoch-007.keras   the state after that epoch, only the newest is kept
best.keras         the epoch of highest validation accuracy
last.keras         the last epoch (when the run has ended)
model.onnx/.json   the exported best model
curves.png         accuracy and loss per epoch
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import importlib.metadata
import io
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError
from moue.files import read_json, write_json, write_text
from moue.training.config import TrainConfig

if TYPE_CHECKING:
    from moue.data.dataset import Dataset

History = list[dict[str, float]]
_PACKAGES: Final = ("moue", "keras", "tensorflow", "jax", "torch", "numpy", "onnx", "onnxruntime", "tf2onnx")


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The files of a run by name."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration, JSON."""
        return self.path / "config.json"

    @property
    def environment(self) -> Path:
        """Where and with what the run was made, JSON."""
        return self.path / "environment.json"

    @property
    def history(self) -> Path:
        """One object an epoch, JSON."""
        return self.path / "history.json"

    @property
    def best(self) -> Path:
        """The Keras model of highest validation accuracy."""
        return self.path / "best.keras"

    @property
    def last(self) -> Path:
        """The Keras model of the last epoch."""
        return self.path / "last.keras"

    @property
    def onnx(self) -> Path:
        """The exported model."""
        return self.path / "model.onnx"

    @property
    def model_json(self) -> Path:
        """How to feed the exported model, JSON."""
        return self.path / "model.json"

    @property
    def curves(self) -> Path:
        """Accuracy and loss per epoch, PNG."""
        return self.path / "curves.png"

    @property
    def teacher(self) -> Path:
        """A teacher's answers to the training faces, made before the training by `moue.training.distill`."""
        return self.path / "teacher.npz"

    def checkpoint(self, epoch: int) -> Path:
        """The state after `epoch` epochs."""
        return self.path / "checkpoints" / f"epoch-{epoch:03d}.keras"

    def refuse_used(self) -> None:
        """Check that there is no folder, or nothing in it but what comes before a run: see `create`.

        Raises:
            MoueError: there is something else.
        """
        used = self.path.exists() and (
            not self.path.is_dir() or any(not self._comes_before(entry.name) for entry in self.path.iterdir())
        )
        if used:
            raise MoueError(
                f"{self.path} exists already", "a new folder for the run", "Name another --out, or go on with --resume."
            )

    def _comes_before(self, name: str) -> bool:
        # A killed process may also leave a temporary file, which is hidden.
        return name in (self.teacher.name, self.environment.name) or name.startswith(".")

    def create(self, config: TrainConfig, environment: dict[str, Any]) -> None:
        """Make a new folder. The configuration comes last: where it is, there is a run that can be resumed.

        Raises:
            MoueError: it holds something.
        """
        self.refuse_used()
        write_json(self.environment, environment)
        write_json(self.config, config.to_dict())

    def open(self, config: TrainConfig) -> History:
        """Return the history of an interrupted run.

        Raises:
            MoueError: there is no such run, or it was started with other choices.
        """
        if not self.config.exists():
            raise MoueError(f"{self.path} holds no run to resume", "a folder made by moue train", "Leave out --resume.")
        stored = TrainConfig.from_dict(read_json(self.config), str(self.config))
        before, now = stored.to_dict(), config.to_dict()
        different = [f"{name}: {before[name]!r} there, {now[name]!r} now" for name in now if before[name] != now[name]]
        if different:
            raise MoueError(
                f"{self.path} was started with other choices ({'; '.join(different)})",
                "the same ones",
                "Repeat the first command with --resume added, or name another --out.",
            )
        return self.read_history()

    def read_history(self) -> History:
        """Return one row an epoch, empty before the first has ended."""
        return list(read_json(self.history)) if self.history.exists() else []

    def write_history(self, history: History) -> None:
        """Write the history as JSON and CSV."""
        table = io.StringIO()
        writer = csv.DictWriter(table, list(history[0]))
        writer.writeheader()
        writer.writerows(history)
        write_text(self.history.with_suffix(".csv"), table.getvalue())
        write_json(self.history, history)


def describe_environment(dataset: Dataset, command: str) -> dict[str, Any]:
    """Return what a reader needs to repeat the run: versions, processor, backend, data, command."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "command": command,
        "versions": versions | {"python": platform.python_version()},
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "platform": platform.platform(),
        "cpu": _processor(),
        "num_cores": os.cpu_count(),
        "data": {
            "source": dataset.source,
            "checksum": dataset.checksum,
            "rows": len(dataset),
            "split_rule": dataset.split_rule,
            "counts": dataset.counts(),
            "votes_checksum": None if dataset.votes is None else hashlib.sha256(dataset.votes.tobytes()).hexdigest(),
        },
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
