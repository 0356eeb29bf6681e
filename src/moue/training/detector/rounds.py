"""Two rounds of training: the second also trains on the false positives of the first."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from moue.errors import MoueError
from moue.files import locked, read_json, write_json
from moue.progress import ignore_progress
from moue.training.backend import keras
from moue.training.detector.compose import Composer
from moue.training.detector.export import export_detector
from moue.training.detector.held_out import THRESHOLDS, HeldOut, measure
from moue.training.detector.train import DetectorConfig, train_detector

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from moue.faces import Detector
    from moue.progress import Progress
    from moue.training.detector.material import Material

    MakeDetector: TypeAlias = Callable[[Path, float], Detector]
    """Makes a detector from an exported file and a lowest score."""

RATES: Final = (2e-3, 1e-3)
"""Highest learning rate of each round."""

_COMPARED: Final = 32
_FALSE_POSITIVE: Final = 0.2  # lowest score of a detection that counts as a false positive of the first round
_NAMES: Final = ("first", "second")


@dataclasses.dataclass(frozen=True)
class RoundsConfig:
    """The settings of a training.

    Attributes:
        steps: Steps of the first and of the second round.
        batch_size: Canvases in a step.
        side: Sides of a canvas in pixels.
        seed: Seed of canvases and initial weights.
        steps_per_epoch: Steps after which the state is saved; both rounds are multiples of it.
    """

    steps: tuple[int, int] = (10_000, 6_000)
    batch_size: int = 32
    side: int = 160
    seed: int = 0
    steps_per_epoch: int = 500

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "steps": list(self.steps)}


def train_rounds(
    gather: Callable[[Path], Material],
    out: Path,
    config: RoundsConfig,
    *,
    make: MakeDetector,
    resume: bool = False,
    progress: Progress = ignore_progress,
) -> tuple[Path, HeldOut]:
    """Train both rounds in a run folder, and measure the detector on the photographs that were held out.

    Args:
        gather: Returns what canvases are made of, given the file that stores it between runs.
        out: The run folder, new unless `resume`.
        config: The configuration.
        make: Loads an exported detector, to find false positives after the first round and to measure the last one.
        resume: Continue an interrupted run in `out`.
        progress: Called with the steps done and the steps of both rounds.

    Returns:
        The exported detector, ``second/own.onnx``, and its figures, which ``figures.json`` holds too.

    Raises:
        MoueError: an existing folder, nothing to resume, other choices than before, or another process that trains in
            `out`.
    """
    with locked(out):
        _open(out, config, resume=resume)
        material = gather(out / "material.npz")
        canvases = Composer(material, side=config.side, seed=config.seed + 5).batch(0, _COMPARED)[0]
        model, false_positives, done = None, _known_false_positives(material), 0
        for number, (name, steps) in enumerate(zip(_NAMES, config.steps, strict=True)):
            exported, behind = out / name / "own.onnx", done
            if not exported.exists():
                round_config = DetectorConfig(
                    steps=steps,
                    batch_size=config.batch_size,
                    learning_rate=RATES[number],
                    side=config.side,
                    seed=config.seed + number,
                    steps_per_epoch=config.steps_per_epoch,
                )
                model = train_detector(
                    material,
                    out / name,
                    round_config,
                    start=model,
                    false_positives=false_positives,
                    progress=_shifted(progress, behind, sum(config.steps)),
                )
                export_detector(model, exported, canvases, overwrite=True)
            model = keras.models.load_model(out / name / "detector.keras", compile=False)
            false_positives += _false_positives(material, make(exported, _FALSE_POSITIVE))
            done += steps
        figures = measure(material, make(exported, THRESHOLDS[0]))
        write_json(out / "figures.json", figures.to_dict())
    return exported, figures


def _open(out: Path, config: RoundsConfig, *, resume: bool) -> None:
    stored = out / "config.json"
    if not resume:
        if out.exists() and any(out.iterdir()):
            raise MoueError(f"{out} already exists", "a new folder for the run", "Choose another, or add --resume.")
        out.mkdir(parents=True, exist_ok=True)
        write_json(stored, config.to_dict())
        return
    before = read_json(stored)
    if before != config.to_dict():
        raise MoueError(
            f"{stored} was made with other choices: {before}", f"the same: {config.to_dict()}", "Start a new run."
        )


def _false_positives(material: Material, detector: Detector) -> list[tuple[int, tuple[float, float, float, float]]]:
    """Return what a detector finds in training photographs in which the teacher finds nothing."""
    return [
        (number, face.box)
        for number, scene in enumerate(material.scenes)
        if not scene.held_out and not len(scene.scores)
        for face in detector.detect(scene.image[..., None].repeat(3, axis=2))
    ]


def _known_false_positives(material: Material) -> list[tuple[int, tuple[float, float, float, float]]]:
    """Return the `not_faces` of training photographs in which the teacher finds nothing."""
    return [
        (number, (x, y, width, height))
        for number, scene in enumerate(material.scenes)
        if not scene.held_out and not len(scene.scores)
        for x, y, width, height in scene.not_faces.tolist()
    ]


def _shifted(progress: Progress, behind: int, total: int) -> Progress:
    return lambda done, _total: progress(behind + done, total)
