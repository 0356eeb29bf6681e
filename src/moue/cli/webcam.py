"""The command moue webcam: a live window, or printed lines and table rows."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from moue.cli import console, options

if TYPE_CHECKING:
    from moue.media.video import Video
    from moue.output.live_table import LiveTable
    from moue.recognition.analyzer import Analyzer
    from moue.recognition.face_result import TrackedFace
    from moue.recognition.frame_result import FrameResult
    from moue.recognition.live import Live
    from moue.webcam.window import Window

_WAIT_S: Final = 0.1  # the end is noticed after this time


def webcam(
    model: options.ModelName = "small",
    source: Annotated[
        str,
        typer.Option(
            metavar="SOURCE", help="Number of the camera, a video to play like a camera, or the URL of a stream."
        ),
    ] = "0",
    detector: options.Detector = options.DetectorName.AUTO,
    detector_model: options.DetectorModel = None,
    mirror: Annotated[bool, typer.Option("--mirror/--no-mirror", help="Swap left and right, as a mirror does.")] = True,
    smooth: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Average probabilities over this many seconds.")
    ] = 0.5,
    unsure_below: options.UnsureBelow = 0.5,
    headless: Annotated[bool, typer.Option("--headless", help="Open no window; print lines.")] = False,
    step: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Seconds between two printed lines; 0 prints every frame.")
    ] = 0.5,
    seconds: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Stop after this many seconds.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Also write each result to a .csv or .jsonl file at once."),
    ] = None,
    save_to: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the images that the key s saves.")
    ] = Path(),
    allow_url: Annotated[bool, typer.Option("--allow-url", help="Allow a URL as --source.")] = False,
    device: options.Device = options.DeviceName.CPU,
    overwrite: options.Overwrite = False,
) -> None:
    """Name expressions live, in a window or as text.

    The window shows the camera's image with boxes, names and bars of probabilities.

    Keys: q or Esc quits, s saves the image, m mirrors it, b shows or hides the bars. Ctrl-C quits too. moue stores
    nothing unless you use --output or the key s, and sends nothing.
    """
    from moue.media.camera import open_camera
    from moue.output.formats import check_output
    from moue.output.live_table import LiveTable
    from moue.recognition.live import Live
    from moue.recognition.stream import Follower

    if out is not None:
        check_output(out, overwrite=overwrite, by_line=True)
    with contextlib.ExitStack() as stack:
        # The steps that fail fastest come first; the camera comes last, because it turns its light on.
        window = None if headless else stack.enter_context(_open_window(mirror=mirror, save_to=save_to))
        analyzer = _load(model, detector, detector_model, unsure_below, options.choose_device(device))
        follower = Follower(smooth, unsure_below)
        video = open_camera(source, allow_url=allow_url)
        live: Live[FrameResult] | None = None
        stack.callback(lambda: _close(video, live))
        table = None
        if out is not None:
            table = stack.enter_context(LiveTable(out, class_names=analyzer.class_names, overwrite=overwrite))
        live = Live(
            video,
            lambda frame: follower.add(analyzer.analyze_safely(frame.image), video.name, frame),
            table.write if table else None,
            seconds=seconds,
        )
        _run(live, window, table, step)


def _close(video: Video, live: Live[FrameResult] | None) -> None:
    # A driver may hang in the middle of a read; the memory it writes to must not be freed then. If its thread ever
    # continues, it frees the camera itself.
    if live is None or not live.reading:
        video.close()


def _run(live: Live[FrameResult], window: Window | None, table: LiveTable | None, step: float) -> None:
    """Run until something ends it, then print what was written."""
    stopped = False
    try:
        with live:
            if window is not None:
                window.show(live)
            else:
                _print_lines(live, step)
    except KeyboardInterrupt:
        stopped = True
        console.note("stopped")
    finally:
        if live.lost:
            console.note(live.lost)
        shown = f"{window.num_shown:,} shown, " if window else ""
        console.note(f"{live.frames.count:,} frames, {shown}{live.results.count:,} analysed")
        if window is not None:
            window.finish_saving()
            console.wrote(*window.saved)
        if table is not None:
            console.note(f"wrote {table.path}: results for {table.num_results:,} frames")
    if stopped or live.lost:
        raise typer.Exit(130 if stopped else 1)


def _print_lines(live: Live[FrameResult], step: float) -> None:
    from moue.media.decode import Status

    count, due_s = 0, 0.0
    while True:
        running = live.running()
        newest = live.results.wait(count, _WAIT_S)
        if newest is None:
            if not running:
                return
            continue
        count, (frame, result) = newest
        if frame.time_s >= due_s:
            due_s = frame.time_s + step
            people = sorted(result.faces, key=lambda face: face.track_id)
            nobody = result.message if result.status is Status.FAILED else "no face"
            text = "   ".join(map(_describe, people)) or nobody
            console.say(console.wrapped(text, f"{frame.time_s:7.2f} s  ", " " * 11))


def _describe(face: TrackedFace) -> str:
    return f"#{face.track_id} {face.emotion}{'?' if face.unsure else ''} {face.confidence:.0%}"


def _open_window(*, mirror: bool, save_to: Path) -> Window:
    from moue.webcam.screen import Screen
    from moue.webcam.window import Window

    return Window("moue", Screen(mirror=mirror), save_to)


def _load(model: str, detector: options.DetectorName, file: Path | None, unsure_below: float, device: str) -> Analyzer:
    from moue.recognition.stream import stream_analyzer

    analyzer = stream_analyzer(model, detector.value, detector_model=file, unsure_below=unsure_below, device=device)
    name = analyzer.detector.name
    if name == "none":
        console.note("no face detection: the whole image is treated as one face")
    else:
        console.note(f"face detector: {name}")
    return analyzer


COMMANDS: Final = (webcam,)
