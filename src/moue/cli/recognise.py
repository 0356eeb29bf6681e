"""Commands that recognise: predict, download."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from moue.cli import console, options

_STANDARD: Final = "-"


def predict(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Images, videos, folders, or URLs of images; '-' reads names from standard input.",
            show_default=False,
        ),
    ],
    model: options.ModelName = "small",
    out: Annotated[
        str,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Also write a table: .csv, .json, .jsonl or .parquet; '-' writes CSV to standard output.",
            show_default=False,
        ),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line for each image and video frame.")
    ] = False,
    excel: Annotated[
        bool, typer.Option("--excel", help="Start the CSV with a byte order mark, so that Excel shows accents.")
    ] = False,
    wide: Annotated[bool, typer.Option("--wide", help="Print the box and the probability of every class.")] = False,
    detector: options.Detector = options.DetectorName.AUTO,
    detector_model: options.DetectorModel = None,
    annotate: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write annotated images and videos here; FILE.mp4 for one video."),
    ] = None,
    emoji: Annotated[bool, typer.Option("--emoji", help="Draw small faces instead of names.")] = False,
    srt: Annotated[
        Path | None, typer.Option("--srt", metavar="FILE.srt", help="Write subtitles for one video.")
    ] = None,
    timeline: Annotated[
        Path | None,
        typer.Option("--timeline", metavar="FILE", help="Write the timeline of one video: .png, .csv or .json."),
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Also search subfolders.")] = False,
    unsure_below: options.UnsureBelow = 0.5,
    every: options.Every = 1,
    fps: options.Fps = None,
    smooth: options.Smooth = 0.5,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            "--max-pixels", metavar="N", min=1, help="Reject images with more pixels.", show_default="64 million"
        ),
    ] = None,
    allow_url: Annotated[bool, typer.Option("--allow-url", help="Download inputs that are URLs.")] = False,
    aggregate: Annotated[
        bool,
        typer.Option(
            "--aggregate", help="Give shares per folder of images and per minute of a video, no individual faces."
        ),
    ] = False,
    min_faces: Annotated[
        int, typer.Option("--min-faces", metavar="N", min=2, help="With --aggregate: suppress smaller groups.")
    ] = 5,
    device: options.Device = options.DeviceName.CPU,
    overwrite: options.Overwrite = False,
) -> None:
    """Name the expression of each face in images and videos.

    Prints one line per face: the expression, its probability and the runner-up. If a run that writes a CSV file is
    interrupted, repeat the command to continue it.
    """
    from moue.cli.aggregate import print_aggregate
    from moue.cli.listener import ConsoleListener
    from moue.media.clock import Sampling
    from moue.predict import PredictOptions
    from moue.predict import predict as predict_files

    target: Any = None if aggregate else _StandardOutput() if out == _STANDARD else Path(out) if out else None
    chosen = PredictOptions(
        model=model,
        detector=detector.value,
        detector_model=detector_model,
        unsure_below=unsure_below,
        output=target,
        format="excel" if excel else "",
        annotate=annotate,
        labels="emoji" if emoji else "name",
        srt=srt,
        timeline=timeline,
        overwrite=overwrite,
        recursive=recursive,
        sampling=Sampling(every, fps),
        smooth_s=smooth,
        max_pixels=max_pixels,
        allow_url=allow_url,
        device=options.choose_device(device, model),
    )
    if aggregate:
        print_aggregate(_names(files), chosen, out, min_faces)
        return
    shown = "json" if as_json else "nothing" if out == _STANDARD else "wide" if wide else "lines"
    with contextlib.closing(ConsoleListener(shown)) as listener:
        summary = predict_files(_names(files), chosen, listener=listener)
    listener.end(summary, chosen.annotate, stored=bool(out) or as_json)
    if not summary.any_result:
        raise typer.Exit(1)


def download(
    name: Annotated[
        str, typer.Argument(metavar="yunet", help="The face detector YuNet: 230 kB, MIT licence.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Where to save it. Default: $MOUE_MODELS, else the user's cache."),
    ] = None,
) -> None:
    """Download another face detector.

    Its SHA-256 is checked.
    """
    from moue.faces import download as fetch

    console.note(f"{name} is at {fetch(name, out)}")


def _names(files: Sequence[str]) -> Iterator[str]:
    """Yield the given names; names on standard input are separated by line ends or NULs."""
    for name in files:
        if name != _STANDARD:
            yield name
            continue
        content = sys.stdin.buffer.read()
        separator = b"\0" if b"\0" in content else b"\n"
        yield from (os.fsdecode(part.rstrip(b"\r")) for part in content.split(separator) if part.strip())


class _StandardOutput:
    """Standard output for a table: no control characters for a terminal, unchanged bytes for a pipe."""

    def write(self, text: str) -> int:
        if sys.stdout.isatty():
            return sys.stdout.write(console.harmless(text))
        with contextlib.suppress(AttributeError):  # standard output has no buffer in tests
            sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
            return len(text)
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


COMMANDS: Final = (predict, download)
