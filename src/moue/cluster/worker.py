"""What runs on the nodes of a cluster: reading the files of a shard, predicting them and writing the results."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.classifier.classifier import Classifier
from moue.cluster.videos import VideoPredictor, tally_of_part
from moue.errors import MoueError
from moue.faces import make_detector
from moue.media.decode import Decoded, ImageLimits, Status, read_bytes, too_many_bytes
from moue.recognition.analyzer import Analyzer
from moue.recognition.image_result import ImageResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moue.cluster.place import Place
    from moue.cluster.shards import Shards
    from moue.cluster.state import RunState
    from moue.cluster.videos import VideoOptions

_READERS: Final = 8  # files that a task reads at once: an object store responds slowly, but to many requests at a time
_MAX_FAILURES: Final = 5  # failures of a shard that are reported at once; its rows hold all of them


@dataclasses.dataclass(frozen=True)
class Work:
    """What a process needs to predict, sent to it once.

    Attributes:
        model: A reference to the bytes of the model file and of its description, by suffix: the files need not be on
            every node. As a reference, they outlive the start of an actor.
        detector: The name of the detector.
        unsure_below: As for `Analyzer`.
        limits: As for `Analyzer`.
        source: The folder of the images and videos.
        shards: The output.
        state: The state beside the output.
        videos: How videos are processed.
    """

    model: Any
    detector: str
    unsure_below: float
    limits: ImageLimits
    source: Place
    shards: Shards
    state: RunState
    videos: VideoOptions


def read_shards(batch: Any, *, source: Place, limits: ImageLimits) -> Iterator[Any]:  # noqa: ANN401 (pyarrow.Table)
    """Yield the contents of each shard's files, or what was wrong with them.

    Args:
        batch: A row for each shard: its number, the names of its files, and the part of a video, -1 for images.
        source: The folder of the files.
        limits: Larger files are not read.
    """
    import pyarrow as pa

    _check_seen(source)
    for row in batch.to_pylist():
        read: list[bytes | Decoded | None] = [None]  # the predictor of a part opens the video itself
        if row["part"] < 0:
            with ThreadPoolExecutor(_READERS) as pool:
                read = list(pool.map(lambda name: _read(source, name, limits), row["names"]))
            _check_storage(source, read)
        contents = [content if isinstance(content, bytes) else None for content in read]
        yield pa.table({
            "number": pa.array([row["number"]], pa.int64()),
            "names": pa.array([row["names"]], pa.list_(pa.binary())),
            "contents": pa.array([contents], pa.list_(pa.large_binary())),
            "problems": pa.array([[_problem(content) for content in read]], pa.list_(pa.string())),
            "part": pa.array([row["part"]], pa.int32()),
            "parts": pa.array([row["parts"]], pa.int32()),
        })  # fmt: skip


class Predictor:
    """A process that predicts shards, with one thread for the model, and writes their rows."""

    def __init__(self, work: Work) -> None:
        if not work.state.is_seen():
            place = work.shards.place.shown
            fix = "Write to a folder that all nodes share, or to an address such as s3://bucket/folder."
            raise MoueError(f"the node {socket.gethostname()} does not see {place}", "an output that all see", fix)
        import ray

        self._source, self._shards = work.source, work.shards
        self._analyzer = Analyzer(
            _load(ray.get(work.model)),
            make_detector(work.detector),
            unsure_below=work.unsure_below,
            limits=work.limits,
        )
        self._videos = VideoPredictor(work.videos, self._analyzer)

    def __call__(self, batch: Any) -> Any:  # noqa: ANN401 (pyarrow.Table)
        """Predict and write the shards of a batch, and return their counts."""
        import pyarrow as pa

        tallies = []
        for row in range(batch.num_rows):
            number, names, contents, problems, part, parts = (batch[name][row].as_py() for name in batch.column_names)
            if part < 0:
                results: Sequence[ImageResult] = self.predict(names, contents, problems)
                tally = _tally(results)
            else:
                frames = self._videos.predict(self._source, names[0], part, is_last=part + 1 == parts)
                results, tally = frames, tally_of_part(self._source.label(os.fsdecode(names[0])), frames)
            self._shards.write(number, results)
            tallies.append(json.dumps({"number": number, **tally}))
        return pa.table({"tally": pa.array(tallies, pa.string())})

    def predict(
        self, names: Sequence[bytes], contents: Sequence[bytes | None], problems: Sequence[str]
    ) -> list[ImageResult]:
        """Return a result for each file, in order."""
        # One thread decodes while this one runs the model: an actor has one CPU.
        analyzed = self._analyzer.analyze_many((content for content in contents if content is not None), workers=1)
        results = []
        for name, content, problem in zip(names, contents, problems, strict=True):
            file = self._source.label(os.fsdecode(name))
            if content is None:
                status, message = problem.split(":", 1)
                results.append(
                    ImageResult(file, Status(status), message=message, class_names=self._analyzer.class_names)
                )
            else:
                results.append(dataclasses.replace(next(analyzed), file=file, pixels=None))
        return results


def _check_seen(source: Place) -> None:
    if not source.exists():
        raise MoueError(
            f"the node {socket.gethostname()} does not see {source.shown}",
            "images that all nodes see",
            "Share the folder with all nodes, or name an address such as s3://bucket/folder.",
        )


def _check_storage(source: Place, read: Sequence[bytes | Decoded | None]) -> None:
    """Stop if nothing at an address could be read: better no rows than a shard of failures that counts as done."""
    if not source.is_local and all(isinstance(one, Decoded) and one.status is Status.UNREADABLE for one in read):
        message = read[0].message if isinstance(read[0], Decoded) else ""
        raise MoueError(
            f"no file of a shard in {source.shown} could be read ({message})",
            "a storage that responds",
            "Check the credentials on all nodes and the storage; then the same command resumes.",
        )


def _read(source: Place, name: bytes, limits: ImageLimits) -> bytes | Decoded:
    path = source.file(os.fsdecode(name))
    if source.is_local:
        return read_bytes(Path(path), limits)
    try:
        with source.filesystem.open_input_file(path) as file:
            size = file.size()
            return too_many_bytes(size, limits) if size > limits.max_bytes else bytes(file.read())
    except FileNotFoundError:
        return Decoded(Status.NOT_FOUND, message="no such file")
    except OSError as error:
        return Decoded(Status.UNREADABLE, message=f"cannot be read: {str(error).splitlines()[0]}")


def _problem(read: bytes | Decoded | None) -> str:
    return f"{read.status.value}:{read.message}" if isinstance(read, Decoded) else ""


def _load(model: dict[str, bytes]) -> Classifier:
    with tempfile.TemporaryDirectory(prefix="moue-") as folder:
        for suffix, content in model.items():
            (Path(folder) / f"model{suffix}").write_bytes(content)
        return Classifier.load(Path(folder) / "model.onnx", threads=1)


def _tally(results: Sequence[ImageResult]) -> dict[str, Any]:
    failed = [result for result in results if result.status not in (Status.OK, Status.NO_FACE)]
    return {
        "statuses": Counter(str(result.status) for result in results),
        "emotions": Counter(face.emotion for result in results for face in result.faces),
        "failures": [(result.file, f"{result.status}: {result.message}") for result in failed[:_MAX_FAILURES]],
    }
