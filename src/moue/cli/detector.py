"""Commands for face detectors: moue detector train, evaluate."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from moue.cli import console, options

if TYPE_CHECKING:
    from moue.faces import Detector
    from moue.progress import Progress
    from moue.training.detector.material import Material

_LEAST: Final = 0.1  # the lowest threshold of the table


def train(
    data: options.DataPath,
    scenes: Annotated[
        Path,
        typer.Argument(
            metavar="SCENES", help="A .zip archive of photos, most of them without faces.", show_default=False
        ),
    ],
    out: options.RunOut,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Steps of the first round.")] = 10_000,
    second: Annotated[
        int, typer.Option(min=1, metavar="N", help="Steps of the second round, which trains on mistakes.")
    ] = 6_000,
    steps_per_epoch: Annotated[
        int, typer.Option(min=1, metavar="N", help="Steps after which the state is saved.")
    ] = 500,
    not_faces: Annotated[
        Path | None,
        typer.Option(
            "--not-faces",
            metavar="FILE",
            help="JSON list of places that look like a face but are not, such as animals.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Random seed.")] = 0,
    resume: options.Resume = False,
) -> None:
    """Train moue's own face detector.

    YuNet (moue download yunet) labels the faces; the result contains none of its weights. A fifth of the photos is
    held out. The detector is OUT/second/own.onnx. Training takes about an hour on two cores.
    """
    from moue.faces.detectors.own import OwnDetector, OwnOptions
    from moue.faces.labelling import Labeller
    from moue.training.backend import import_keras
    from moue.training.detector.held_out import MAX_FALSE
    from moue.training.detector.material import Material, collect, read_not_faces, read_scenes
    from moue.training.detector.rounds import RoundsConfig, train_rounds

    config = RoundsConfig((steps, second), seed=seed, steps_per_epoch=steps_per_epoch)
    images, teacher = read_scenes(scenes), Labeller()
    wrong = read_not_faces(not_faces) if not_faces else None
    faces = options.load_data(data)

    def gather(stored: Path) -> Material:
        if not stored.exists():
            with console.count_progress("marking faces") as moved:
                collect(faces, images, teacher, not_faces=wrong, progress=moved).save(stored)
        return Material.load(stored)

    with console.loading_keras():
        import_keras()
    with contextlib.ExitStack() as stack:
        written, figures = train_rounds(
            gather,
            out,
            config,
            make=lambda path, least: OwnDetector(OwnOptions(least), path),
            resume=resume,
            progress=_bar_at_first_step(stack),
        )
    rows = [
        (f"{threshold:.2f}", str(hits), str(beside), str(false))
        for threshold, hits, beside, false in figures.rows
        if round(100 * threshold) % 10 == 0 or threshold == figures.score_threshold
    ]
    console.say("held-out photos:")
    names = ("threshold", f"of {figures.num_faces} faces", "false beside", f"false in {figures.num_empty} without")
    console.print_table(names, rows)
    console.say(
        f"at threshold {figures.score_threshold}, at most {MAX_FALSE:.0%} of photos without a face have a false box"
    )
    console.wrote(written)
    console.note(f"next: moue detector evaluate LABELS.json --detector-model {written}")


def evaluate(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS",
            help='JSON list of images: {"file": ..., "faces": [{"box": [x, y, width, height]}]}.',
            show_default=False,
        ),
    ],
    detector: options.Detector = options.DetectorName.AUTO,
    detector_model: Annotated[
        Path | None, typer.Option("--detector-model", metavar="FILE", help="A detector made by moue detector train.")
    ] = None,
    reference: Annotated[
        str, typer.Option(metavar="NAME", help="Measure landmarks against those of this detector, e.g. yunet.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Score a face detector on labelled images.

    Counts found faces and false boxes at each threshold, and measures landmarks and time.
    """
    from moue.faces import make_detector
    from moue.faces.detectors.own import OwnDetector, OwnOptions
    from moue.faces.scoring import read_labels, score_detector

    images = read_labels(labels)
    finder: Detector
    if detector_model is not None:
        finder = OwnDetector(OwnOptions(_LEAST), detector_model)
    else:
        name = make_detector(detector.value).name
        finder = make_detector(name, score_threshold=_LEAST) if name in ("own", "yunet") else make_detector(name)
    with console.count_progress("searching") as moved:
        scores = score_detector(
            finder, images, reference=make_detector(reference) if reference else None, progress=moved
        )
    if as_json:
        console.say(json.dumps(scores.to_dict()))
        return
    rows = [
        (f"{threshold:.1f}", str(found), f"{found / max(1, scores.num_faces):.1%}", str(false))
        for threshold, found, false in scores.found
    ]
    console.print_table(("threshold", f"of {scores.num_faces} faces", "recall", "false boxes"), rows)
    console.say(f"{scores.detector}: {scores.num_images} images, {scores.ms_per_image:.0f} ms each")
    if scores.landmark_error is not None:
        console.say(
            f"landmarks: {scores.landmark_error:.1%} of the face's size from those of {reference}, "
            f"{scores.num_landmarks} faces"
        )


def _bar_at_first_step(stack: contextlib.ExitStack) -> Progress:
    """Return a callback that shows a bar from the first step on; marking faces before that has its own bar."""
    bars: list[Progress] = []

    def moved(done: int, total: int | None) -> None:
        if not bars:
            bars.append(stack.enter_context(console.count_progress("training")))
        bars[0](done, total)

    return moved


COMMANDS: Final = (train, evaluate)
