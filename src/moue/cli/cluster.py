"""Commands on a Ray cluster: moue cluster predict."""

from __future__ import annotations

import contextlib
from typing import Annotated, Final

import typer

from moue.cli import options


def predict(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="Folder of images and videos that all nodes see, or a URL such as s3://bucket/folder.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--output",
            metavar="FOLDER",
            help="Folder of the table's shards: its name ends with .parquet or .csv.",
            show_default=False,
        ),
    ],
    address: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="The cluster: HOST:PORT, auto for this machine's, local to start one."),
    ] = "auto",
    model: options.ModelName = "small",
    detector: options.Detector = options.DetectorName.AUTO,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Also search subfolders.")] = False,
    unsure_below: options.UnsureBelow = 0.5,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            "--max-pixels", metavar="N", min=1, help="Reject images with more pixels.", show_default="64 million"
        ),
    ] = None,
    actors: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Maximum number of worker processes.", show_default="7 of 8 CPUs"),
    ] = None,
    shard_files: Annotated[int, typer.Option(metavar="N", min=1, help="Maximum number of images per shard.")] = 512,
    part_minutes: Annotated[
        float, typer.Option(metavar="MINUTES", help="Split longer videos into parts of this many minutes.")
    ] = 5.0,
    every: options.Every = 1,
    fps: options.Fps = None,
    smooth: options.Smooth = 0.5,
    overwrite: options.Overwrite = False,
) -> None:
    """Name the expression of each face in the images and videos of a folder, on all nodes of a Ray cluster.

    If a run is interrupted, repeat the command to continue it.
    """
    from moue.cli.listener import ConsoleListener
    from moue.cluster import ClusterOptions, predict_on_cluster
    from moue.media.clock import Sampling

    chosen = ClusterOptions(
        output=out,
        address=address,
        model=model,
        detector=detector.value,
        unsure_below=unsure_below,
        overwrite=overwrite,
        recursive=recursive,
        max_pixels=max_pixels,
        actors=actors,
        shard_files=shard_files,
        part_minutes=part_minutes,
        sampling=Sampling(every, fps),
        smooth_s=smooth,
    )
    with contextlib.closing(ConsoleListener("nothing")) as listener:
        summary = predict_on_cluster(folder, chosen, listener=listener)
    listener.end(summary, None, stored=True)
    if not summary.any_result:
        raise typer.Exit(1)


COMMANDS: Final = (predict,)
