"""Commands of the recognising half: predict, download."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from moue.cli import options, output
from moue.cli.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.predict.drawings import DrawingChoices
    from moue.predict.jobs import Job
    from moue.predict.run import Videos
    from moue.recognition.analyzer import Analyzer
    from moue.recognition.frame_results import FrameResult
    from moue.recognition.results import ImageResult

_MOST_NAMED: Final = 5


class DetectorName(enum.StrEnum):
    """How faces are found."""

    AUTO = "auto"
    OWN = "own"
    YUNET = "yunet"
    HAAR = "haar"
    NONE = "none"


def predict(
    files: Annotated[
        list[str],
        typer.Argument(help="Pictures, videos, folders of them, and addresses of pictures.", show_default=False),
    ],
    model: options.ModelName = "small",
    out: Annotated[Path | None, typer.Option("--output", help="Also write .json, .jsonl or .csv.")] = None,
    detector: Annotated[
        DetectorName, typer.Option(help="How faces are found; none: each picture is one face; auto: the best here.")
    ] = DetectorName.AUTO,
    detector_model: Annotated[Path | None, typer.Option(help="The file of the detector yunet.")] = None,
    annotate: Annotated[Path | None, typer.Option(help="Folder for pictures and videos with answers drawn in.")] = None,
    emoji: Annotated[bool, typer.Option("--emoji", help="Draw small faces there in place of names.")] = False,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Also look into folders of folders.")] = False,
    unsure_below: Annotated[float, typer.Option(min=0, max=1, help="Mark answers of less confidence by ?.")] = 0.5,
    every: Annotated[int, typer.Option(min=1, help="In videos, look at every n-th frame.")] = 1,
    fps: Annotated[float | None, typer.Option(help="In videos, look at this many frames per second at most.")] = None,
    smooth: Annotated[float, typer.Option(min=0, help="In videos, average probabilities over this time (s).")] = 0.5,
    allow_url: Annotated[bool, typer.Option("--allow-url", help="Fetch what is an https:// address.")] = False,
    wide: Annotated[bool, typer.Option("--wide", help="Print boxes and all classes, in more than 80 columns.")] = False,
    excel: Annotated[bool, typer.Option("--excel", help="Begin the CSV file so that Excel reads accents.")] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Name the expression of each face in pictures and videos, with the probability of each class.

    An interrupted run that writes a CSV file resumes where it stopped when you give the same command again.
    """
    from moue.faces import DetectorOptions
    from moue.media.clock import Sampling
    from moue.media.listing import list_pictures
    from moue.output.table_files import check_output
    from moue.predict.drawings import DrawingChoices
    from moue.predict.jobs import drawing_jobs
    from moue.predict.run import VideoChoices, Videos
    from moue.recognition.analyzer import Analyzer

    if out is not None:
        check_output(out, overwrite=overwrite)
    if excel and (out is None or out.suffix.lower() != ".csv"):
        raise typer.BadParameter("needs --output NAME.csv", param_hint="--excel")
    if emoji and annotate is None:
        raise typer.BadParameter("needs --annotate FOLDER", param_hint="--emoji")
    choices = VideoChoices(Sampling(every, fps), smooth, detector_model)
    chosen = DetectorOptions(model=detector_model)
    analyzer = Analyzer.load(model, detector.value, options=chosen, unsure_below=unsure_below, allow_url=allow_url)
    _say_detector(analyzer, detector)
    left_out: list[Path] = []
    paths = list(list_pictures(files, recursive=recursive, videos=True, left_out=left_out))
    if left_out:
        named = ", ".join(path.name for path in left_out[:_MOST_NAMED]) + (", …" if len(left_out) > _MOST_NAMED else "")
        output.note(f"left out, since they are no images or videos: {len(left_out):,} ({named})")
    if not paths:
        output.note("there are no images or videos; add --recursive to look into folders of folders")
        raise typer.Exit(1)
    jobs = drawing_jobs(paths, annotate)
    videos = Videos(analyzer, choices)
    tally = Answers(analyzer.class_names, wide=wide)
    drawings = DrawingChoices(emoji, overwrite)
    if out is not None and out.suffix.lower() == ".csv":
        _to_csv(
            videos, jobs, tally, drawings, {**_settings(analyzer, videos), **({"excel": True} if excel else {})}, out
        )
    else:
        _to_other(videos, jobs, tally, drawings, out)
    tally.print(videos, to_file=out is not None)
    if not tally.statuses["ok"] + tally.statuses["no_face"] + tally.num_before + videos.num_ok:
        raise typer.Exit(1)


def download(
    name: Annotated[str, typer.Argument(help="yunet: the face detector, 230 kB, MIT.")],
    folder: Annotated[Path | None, typer.Option(help="Where to; MOUE_MODELS or the user's cache if not given.")] = None,
) -> None:
    """Fetch a model that moue knows but does not ship, and check its SHA-256."""
    from moue.faces import download as fetch

    output.note(f"{name} is at {fetch(name, folder)}")


def _say_detector(analyzer: Analyzer, asked: DetectorName) -> None:
    name = analyzer.detector.name
    if name == "none":
        output.note("each picture is taken as one face; no face is looked for in it")
    elif name == "own" and asked is DetectorName.AUTO:
        output.note("faces are found by own; for faces lying on their side: moue download yunet")
    else:
        output.note(f"faces are found by {name}")


def _to_csv(
    videos: Videos, jobs: list[Job], tally: Answers, drawings: DrawingChoices, settings: dict[str, Any], out: Path
) -> None:
    """Write rows as they come, but those of an interrupted run."""
    from moue.media.urls import shown
    from moue.output.tables import CsvRun

    with CsvRun(out, class_names=tally.class_names, settings=settings, overwrite=drawings.overwrite) as run:
        if run.num_done:
            output.note(
                f"resuming: {run.num_done:,} pictures and videos are in {run.part} already; remove it to start over"
            )
        tally.num_before = run.num_done
        left = [job for job in jobs if not run.is_done(shown(str(job.source)))]
        try:
            with contextlib.closing(videos.results(left, dataclasses.replace(drawings, run=run), run)) as results:
                for result in results:
                    tally.add(result)
                    run.write(result)
        except KeyboardInterrupt:
            output.note(f"stopped; the same command resumes: what is done is in {run.part}")
            raise
        output.wrote(run.finish())


def _to_other(videos: Videos, jobs: list[Job], tally: Answers, drawings: DrawingChoices, out: Path | None) -> None:
    from moue.output.tables import write_results
    from moue.output.video_writer import write_stream

    def results() -> Iterator[ImageResult | FrameResult]:
        with contextlib.closing(videos.results(jobs, drawings)) as all_results:
            for result in all_results:
                tally.add(result)
                yield result

    if out is None:
        for _ in results():
            pass
        return
    # If a video was stopped, what was seen before is worth keeping.
    any_video = any(job.is_video for job in jobs)
    write = write_stream if any_video else write_results
    try:
        write(results(), out, class_names=tally.class_names, overwrite=drawings.overwrite)
    except KeyboardInterrupt:
        if any_video:
            output.note(f"stopped; what was done by then is in {out}")
        raise
    output.wrote(out)


def _settings(analyzer: Analyzer, videos: Videos) -> dict[str, Any]:
    """Return what the rows depend on, as JSON values."""
    return {
        "model_sha256": analyzer.classifier.fingerprint,
        "detector": analyzer.detector.name,
        "unsure_below": analyzer.unsure_below,
        "videos": videos.settings,
        "allow_url": analyzer.allow_url,
    }


COMMANDS: Final = (predict, download)
