"""The run folder: everything that a training leaves behind, and what it needs to be resumed.

config.json        the TrainConfig
environment.json   versions, processor, backend, data; from the command line also the command
history.json/.csv  one row per epoch
teacher.npz        the teachers' predictions for the training faces, if there are teachers
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
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError
from moue.files import read_json, write_json, write_text
from moue.training.config import TrainConfig

if TYPE_CHECKING:
    from moue.data.dataset import Dataset
    from moue.training.teacher_outputs import TeacherOutputs

History = list[dict[str, float]]
_NUMBERS: Final = {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"}
_LARGEST: Final = 1e300  # NaN fails this comparison too
_DAMAGED: Final = "Restore the file, or start a new run."
_PACKAGES: Final = (
    "moue",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "torch",
    "numpy",
    "optuna",
    "onnx",
    "onnxruntime",
    "tf2onnx",
)


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """A run folder and the names of its files."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration, JSON."""
        return self.path / "config.json"

    @property
    def environment(self) -> Path:
        """Versions, machine, backend, data and command of the run, JSON."""
        return self.path / "environment.json"

    @property
    def history(self) -> Path:
        """One object per epoch, JSON."""
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
        """The description of the exported model, JSON."""
        return self.path / "model.json"

    @property
    def curves(self) -> Path:
        """Accuracy and loss per epoch, PNG."""
        return self.path / "curves.png"

    @property
    def teacher(self) -> Path:
        """The teachers' predictions for the training faces, so that the run can be resumed without the teachers."""
        return self.path / "teacher.npz"

    def checkpoint(self, epoch: int) -> Path:
        """The state after `epoch` epochs."""
        return self.path / "checkpoints" / f"epoch-{epoch:03d}.keras"

    def refuse_used(self) -> None:
        """Check that the folder is new, or holds only the leftovers of a run that was killed at its very start.

        Raises:
            MoueError: it holds something else.
        """
        used = self.path.exists() and (
            not self.path.is_dir() or any(not self._is_leftover(entry.name) for entry in self.path.iterdir())
        )
        if used:
            raise MoueError(
                f"{self.path} already exists", "a new folder for the run", "Name another --out, or add --resume."
            )

    def refuse_untrained(self) -> None:
        """Check that there is a run with a best model.

        Raises:
            MoueError: there is no such folder, or no complete epoch in it.
        """
        if not self.best.exists() or not self.read_history():
            came = f"{self.path} has no best.keras" if self.path.is_dir() else f"there is no run folder {self.path}"
            fix = f"Check the name, or train it first: moue train DATA --out {self.path}"
            raise MoueError(came, "a run folder of moue train with at least one whole epoch", fix)

    def refuse_absent(self) -> None:
        """Check that there is a run to resume.

        Raises:
            MoueError: there is none.
        """
        if not self.config.exists():
            raise MoueError(f"{self.path} holds no run to resume", "a folder made by moue train", "Leave out --resume.")

    def _is_leftover(self, name: str) -> bool:
        # Temporary files are hidden.
        return name in (self.teacher.name, self.environment.name) or name.startswith(".")

    def create(self, config: TrainConfig, environment: dict[str, Any], teacher: TeacherOutputs | None) -> History:
        """Make a new folder; return the empty history.

        The configuration is written last: a folder that has it can be resumed.

        Raises:
            MoueError: as `refuse_used`.
        """
        self.refuse_used()
        write_json(self.environment, environment)
        if teacher is not None:
            teacher.save(self.teacher, overwrite=True)
        write_json(self.config, config.to_dict())
        return []

    def finish(self, epochs: int) -> None:
        """Keep the state after the last epoch as `last`, and remove the checkpoints."""
        if self.checkpoint(epochs).exists():
            self.checkpoint(epochs).replace(self.last)
        # A killed process may have left the empty folder, or a temporary file in it.
        shutil.rmtree(self.checkpoint(0).parent, ignore_errors=True)

    def update_environment(self, **values: object) -> None:
        """Add values to environment.json, or replace them."""
        write_json(self.environment, self.read_environment() | values)

    def read_config(self) -> TrainConfig:
        """Return the configuration of the run."""
        return TrainConfig.from_dict(read_json(self.config), str(self.config))

    def read_environment(self) -> dict[str, Any]:
        """Return the contents of environment.json, which has at least `versions` and `data`.

        Raises:
            MoueError: it is missing or damaged.
        """
        content = read_json(self.environment)
        parts = ("versions", "data")
        if not isinstance(content, dict) or not all(isinstance(content.get(name), dict) for name in parts):
            raise MoueError(f"{self.environment} is damaged", "what moue train wrote", _DAMAGED)
        return content

    def read_history(self) -> History:
        """Return one row per epoch; empty before the end of the first.

        Raises:
            MoueError: it is damaged.
        """
        history = read_json(self.history) if self.history.exists() else []
        if not isinstance(history, list) or not all(_is_row(row, epoch) for epoch, row in enumerate(history, 1)):
            raise MoueError(f"{self.history} is damaged", "one row of numbers for each epoch", _DAMAGED)
        return history

    def write_history(self, history: History) -> None:
        """Write the history as JSON and CSV."""
        table = io.StringIO()
        writer = csv.DictWriter(table, list(history[0]))
        writer.writeheader()
        writer.writerows(history)
        write_text(self.history.with_suffix(".csv"), table.getvalue())
        write_json(self.history, history)


def _is_row(row: Any, epoch: int) -> bool:  # noqa: ANN401 (JSON is anything)
    """Return whether a row of the history holds the numbers of this epoch."""
    if not isinstance(row, dict) or not row.keys() >= _NUMBERS or row["epoch"] != epoch:
        return False
    return all(isinstance(value, int | float) and abs(value) <= _LARGEST for value in row.values())


def describe_environment(dataset: Dataset, teacher: TeacherOutputs | None = None) -> dict[str, Any]:
    """Return what a reader needs to repeat the run: versions, processor, backend, data, teacher."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "versions": versions | {"python": platform.python_version()},
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "platform": platform.platform(),
        "cpu": _processor(),
        "num_cores": os.cpu_count(),
        "data": {
            **describe_data(dataset),
            "votes_checksum": None if dataset.votes is None else hashlib.sha256(dataset.votes.tobytes()).hexdigest(),
            **({"teacher": teacher.origin, "teacher_checksum": teacher.checksum} if teacher else {}),
        },
    }


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """Return what identifies a data set in a description."""
    return {
        "source": dataset.source,
        "checksum": dataset.checksum,
        "rows": len(dataset),
        "split_rule": dataset.split_rule,
        "counts": dataset.counts(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
