"""The driver of a run on a cluster: it lists the files, hands out the shards, counts the results and finishes."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.classifier.classifier import Classifier
from moue.cluster.listing import list_images, shards_of
from moue.cluster.place import place_of
from moue.cluster.shards import Shards
from moue.cluster.state import RunState
from moue.cluster.videos import num_parts
from moue.cluster.worker import Predictor, Work, read_shards
from moue.errors import MissingExtraError, MoueError
from moue.faces import make_detector
from moue.files import locked
from moue.predict.listener import Listener
from moue.predict.summary import Summary
from moue.ray_cluster import connected, import_ray
from moue.recognition.analyzer import Analyzer
from moue.recognition.image_result import VERSION

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from moue.cluster.listing import Listing, Shard
    from moue.cluster.options import ClusterOptions
    from moue.cluster.place import Place

_MAX_REPORTED: Final = 20  # failures that are named; a run over millions of images may have thousands
_VIDEOS_PER_TASK: Final = 8  # videos whose length one task looks up
_CPUS_PER_READER: Final = 8  # one of this many CPUs is left for reading


def predict_on_cluster(
    source: str | os.PathLike[str], options: ClusterOptions, *, listener: Listener | None = None
) -> Summary:
    """Name the expression of each face in the images and videos of a folder, on all nodes of a Ray cluster.

    The same call resumes a run that was interrupted.

    Args:
        source: A folder that all nodes see at the same path, or an address that PyArrow opens.
        options: How to predict and where to write.
        listener: Is notified of progress, failures and files.

    Returns:
        Counts of what this call processed, and of the files that were processed before.

    Raises:
        MoueError: Ray is missing, there is no cluster or no image, the model or the detector cannot be loaded, or
            the output cannot be written or may not be replaced.
    """
    listener = listener or Listener()
    _check_extra()
    place, out = place_of(source), place_of(options.output)
    classifier = Classifier.load(options.model)
    analyzer = Analyzer(
        classifier, make_detector(options.detector), unsure_below=options.unsure_below, limits=options.limits
    )
    listener.began(analyzer)
    shards = Shards(out, options.format, classifier.class_names)
    state = RunState(shards, _settings(analyzer, place, options))
    with locked(out.path) if out.is_local else contextlib.nullcontext():
        before = state.resume(overwrite=options.overwrite)
        listing = before or _list(place, options, listener)
        with connected(options.address, listener.note) as ray:
            if before is None:
                listing = _split(ray, listing, place, options)
                state.begin(listing)
            run = _Run(listing, shards, options, listener)
            model = ray.put(_files_of(classifier))
            work = Work(
                model,
                analyzer.detector.name,
                options.unsure_below,
                options.limits,
                place,
                shards,
                state,
                options.videos,
            )
            run.predict(ray, work)
        run.finish(state)
    return run.summary


def _settings(analyzer: Analyzer, source: Place, options: ClusterOptions) -> dict[str, Any]:
    """Return what the rows and the shards depend on, as JSON values."""
    return {
        "version": VERSION,
        "input": source.shown,
        "recursive": options.recursive,
        "format": options.format,
        "class_names": list(analyzer.class_names),
        "model_sha256": analyzer.classifier.fingerprint,
        "detector": analyzer.detector.name,
        "unsure_below": analyzer.unsure_below,
        "max_pixels": options.limits.max_pixels,
        "shard_files": options.shard_files,
        "shard_bytes": options.shard_bytes,
        "part_minutes": options.part_minutes,
        "videos": {"every": options.sampling.every, "fps": options.sampling.fps, "smooth_s": options.smooth_s},
    }


def _list(place: Place, options: ClusterOptions, listener: Listener) -> Listing:
    listing, left_out = list_images(place, recursive=options.recursive)
    for what, paths in (
        ("skipped, not images or videos", left_out.others),
        ("folders not searched (add --recursive)", left_out.folders),
        ("ignored, hidden or system files", left_out.litter),
    ):
        if paths:
            listener.note(f"{what}: {len(paths):,} ({paths[0].name}{', …' if len(paths) > 1 else ''})")
    return listing


def _split(ray: Any, listing: Listing, place: Place, options: ClusterOptions) -> Listing:  # noqa: ANN401 (the module)
    """Return the listing with the number of parts of each video, which tasks on the nodes look up."""
    videos = [position for position, number in enumerate(listing.parts) if number]
    look = ray.remote(num_parts).options(num_cpus=1)
    groups = [videos[start : start + _VIDEOS_PER_TASK] for start in range(0, len(videos), _VIDEOS_PER_TASK)]
    pending = [
        look.remote(place, [listing.names[position] for position in group], options.limits, options.videos.part_s)
        for group in groups
    ]
    parts = list(listing.parts)
    for position, number in zip(videos, itertools.chain(*ray.get(pending)), strict=True):
        parts[position] = number
    return dataclasses.replace(listing, parts=parts)


def _files_of(classifier: Classifier) -> dict[str, bytes]:
    return {suffix: classifier.path.with_suffix(suffix).read_bytes() for suffix in (".onnx", ".json")}


class _Run:
    """One run: the shards that are left, and the counts.

    A video is counted when the last of its remaining parts is done.
    """

    def __init__(self, listing: Listing, shards: Shards, options: ClusterOptions, listener: Listener) -> None:
        self.summary = Summary()
        self._listing, self._shards, self._options, self._listener = listing, shards, options, listener
        read = _read_bytes(listing, options.limits.max_bytes)
        self._slices = shards_of(read, listing.parts, options.shard_files, options.shard_bytes)
        done = shards.done()
        self._left = [number for number in range(len(self._slices)) if number not in done]
        self._parts = Counter(self._slices[number].first for number in self._left if self._slices[number].part >= 0)
        self._problems: dict[int, str] = {}
        images = sum(self._num_images(self._slices[number]) for number in self._left)
        self.summary.num_before = len(listing.names) - images - len(self._parts)
        if len(self._left) < len(self._slices):
            listener.note(f"resuming: {self.summary.num_before:,} results are already in {shards.place.shown}")

    def predict(self, ray: Any, work: Work) -> None:  # noqa: ANN401 (the module)
        """Process all shards that are left, and count the results."""
        began = time.monotonic()
        weights = [self._num_images(shard) or 1 for shard in self._slices]
        title = "images and parts of videos" if any(self._listing.parts) else ""
        total, done = sum(weights), sum(weights) - sum(weights[number] for number in self._left)
        self._listener.progress(title, done, total)
        try:
            for tally in self._tallies(ray, work) if self._left else ():
                self._count(tally)
                done += weights[tally["number"]]
                self._listener.progress(title, done, total)
        except KeyboardInterrupt:
            self._listener.note(f"the same command resumes: what is done is in {self._shards.place.shown}")
            raise
        finally:
            self.summary.image_seconds = self.summary.video_seconds = time.monotonic() - began

    def finish(self, state: RunState) -> None:
        """Check that every shard is there, and mark the output as complete.

        Raises:
            MoueError: a shard is missing.
        """
        missing = set(range(len(self._slices))) - self._shards.done()
        out = self._shards.place
        if missing:
            raise MoueError(
                f"{len(missing):,} of {len(self._slices):,} shards are not in {out.shown}",
                "an output that all nodes see",
                "Run the same command again; what is there is kept.",
            )
        self._shards.clear(all_of_them=False)
        state.finish()
        if self.summary.num_failed_images > len(self.summary.failures):
            self._listener.note("the rows name all files that failed, with their status")
        if out.is_local:
            self.summary.wrote.append(Path(out.shown))
            self._listener.wrote(Path(out.shown))
        else:
            self._listener.note(f"wrote {out.shown}")

    def _tallies(self, ray: Any, work: Work) -> Iterator[dict[str, Any]]:  # noqa: ANN401 (the module)
        from ray import data

        data.DataContext.get_current().enable_progress_bars = False
        cpus = int(ray.cluster_resources().get("CPU", 0))
        if ray.available_resources().get("CPU", 0) < 1:
            self._listener.note("no CPU of the cluster is free; waiting for one")
        max_actors = self._options.actors or max(1, cpus - max(1, cpus // _CPUS_PER_READER))
        tallies = (
            # One block per shard, so that each can go to another node.
            data.from_arrow([self._row(number) for number in self._left])
            .map_batches(
                read_shards,
                fn_kwargs={"source": work.source, "limits": work.limits},
                batch_format="pyarrow",
                batch_size=1,
                # Reading waits more than it computes. It must not stop if a node is lost and actors hold all CPUs of
                # the others.
                num_cpus=0,
                concurrency=min(max(2, cpus), len(self._left)),
            )
            .map_batches(
                Predictor,
                fn_constructor_args=(work,),
                batch_format="pyarrow",
                batch_size=1,
                num_cpus=1,
                compute=data.ActorPoolStrategy(min_size=1, max_size=max_actors, max_tasks_in_flight_per_actor=2),
            )
        )
        for batch in tallies.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield from map(json.loads, batch["tally"].to_pylist())

    def _row(self, number: int) -> Any:  # noqa: ANN401 (pyarrow.Table)
        import pyarrow as pa

        shard = self._slices[number]
        names = pa.array([self._listing.names[shard.first : shard.end]], pa.list_(pa.binary()))
        parts = self._listing.parts[shard.first]
        return pa.table({
            "number": pa.array([number], pa.int64()),
            "names": names,
            "part": pa.array([shard.part], pa.int32()),
            "parts": pa.array([parts], pa.int32()),
        })  # fmt: skip

    def _num_images(self, shard: Shard) -> int:
        return shard.end - shard.first if shard.part < 0 else 0

    def _count(self, tally: dict[str, Any]) -> None:
        shard = self._slices[tally["number"]]
        if shard.part >= 0:
            self._count_part(shard.first, tally)
            return
        self.summary.statuses.update(tally["statuses"])
        self.summary.emotions.update(tally["emotions"])
        for file, reason in tally["failures"]:
            self._failed(file, reason)

    def _count_part(self, video: int, tally: dict[str, Any]) -> None:
        self.summary.num_frames += tally["frames"]
        self.summary.num_video_faces += tally["video_faces"]
        self.summary.num_people += tally["people"]
        if tally["problem"]:
            self._problems[video] = tally["problem"]
        self._parts[video] -= 1
        if self._parts[video]:
            return
        self.summary.num_videos += 1
        if video in self._problems:
            self._failed(tally["file"], self._problems[video])
        else:
            self.summary.num_whole_videos += 1

    def _failed(self, file: str, reason: str) -> None:
        if len(self.summary.failures) < _MAX_REPORTED:
            self.summary.failures.append((file, reason))
            self._listener.failed(file, reason)


def _read_bytes(listing: Listing, max_bytes: int) -> Sequence[int]:
    """Return how many bytes of each file will be read: none if it is too large."""
    return [0 if size > max_bytes else size for size in listing.sizes]


def _check_extra() -> None:
    import_ray()
    try:
        import pyarrow  # noqa: F401 (optional)
        import ray.data  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(error.name or "ray", "cluster") from error
