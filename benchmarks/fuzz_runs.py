"""A run folder whose files are corrupted one by one, and the commands that read each file."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Final

import moue
from moue.classifier.ensemble import Ensemble
from moue.classifier.locate import locate
from moue.evaluation.evaluate import evaluate
from moue.evaluation.report import write_report
from moue.training.config import TrainConfig
from moue.training.resume import open_run
from moue.training.run_folder import RunFolder, describe_environment
from mutations import mutated, mutated_json

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from moue.data.dataset import Dataset

_EPOCHS: Final = 3


@dataclasses.dataclass(frozen=True)
class RunReader:
    """One file of a run folder, and a command that reads it.

    Attributes:
        file: The file.
        command: Reads the folder.
        content: The original content of the file.
    """

    file: Path
    command: Callable[[], object]
    content: bytes

    @property
    def mutate(self) -> Callable[[bytes, random.Random], bytes]:
        """The function that corrupts the file."""
        return mutated_json if self.file.suffix == ".json" else mutated

    def read(self, content: bytes) -> bool:
        """Read the folder with this content in the file, then restore the file."""
        self.file.write_bytes(content)
        try:
            self.command()
        finally:
            self.file.write_bytes(self.content)
        return True


def run_readers(folder: Path, table: Path) -> Iterator[tuple[str, RunReader]]:
    """Yield a short name and a reader for each file of a run folder."""
    dataset = moue.load_fer2013(table, use_cache=False)
    config = TrainConfig.from_recipe("seed_cnn", epochs=_EPOCHS)
    run = RunFolder(make_run(folder / "run", config, dataset))
    evaluation = run.path / "evaluation" / "test" / "evaluation.json"

    def report() -> None:
        write_report(run.path, folder / "page.html")

    def score() -> None:
        evaluate(Ensemble.load([str(run.path)]), dataset, split="val")

    def resume() -> None:
        open_run(run, config, describe_environment(dataset))

    for command, files in (
        (report, (run.config, run.history, run.environment, evaluation, evaluation.with_name("predictions.npz"))),
        (resume, (run.config, run.history, run.environment)),
        (score, (run.model_json,)),
    ):
        for file in files:
            yield f"{command.__name__} {file.stem}", RunReader(file, command, file.read_bytes())


def make_run(path: Path, config: TrainConfig, dataset: Dataset) -> Path:
    """Make a run folder as `moue train` leaves it, with a shipped model in place of the trained one."""
    run, shipped = RunFolder(path), locate("small")
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")
    history = [{"epoch": epoch, **dict.fromkeys(names, 0.5 / epoch)} for epoch in range(1, config.epochs + 1)]
    run.create(config, describe_environment(dataset) | {"best_epoch": 1}, None)
    run.write_history(history)
    shutil.copy(shipped, run.onnx)
    shutil.copy(shipped.with_suffix(".json"), run.model_json)
    evaluate(Ensemble.load([str(path)]), dataset).save(path / "evaluation" / "test")
    return path
