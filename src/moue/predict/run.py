"""The batch job: analyzes files, folders and videos, draws them, and writes a table that can be resumed."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from moue.classifier.classifier import Classifier
from moue.errors import MoueError
from moue.faces import make_detector
from moue.media.urls import shown
from moue.output.csv_run import CsvRun
from moue.output.formats import format_of, formats
from moue.output.tables import TableFile
from moue.predict.drawings import DrawingChoices
from moue.predict.inputs import collect
from moue.predict.jobs import drawing_jobs
from moue.predict.listener import Listener
from moue.predict.options import PredictOptions
from moue.predict.summary import Summary
from moue.predict.video_files import check_one_video
from moue.predict.work import Work
from moue.recognition.analyzer import Analyzer
from moue.recognition.frame_result import FrameResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from moue.predict.jobs import Job
    from moue.recognition.image_result import ImageResult


class _Table(Protocol):
    def write(self, result: ImageResult, /) -> None:
        """Add a result."""


def predict(
    inputs: Iterable[str | Path], options: PredictOptions | None = None, *, listener: Listener | None = None
) -> Summary:
    """Name the expression of each face in images and videos, write a table of them, and draw them.

    If a run that writes a CSV file was interrupted, the same call resumes it.

    Args:
        inputs: Files, folders of files, patterns such as ``*.jpg``, and addresses.
        options: How to predict and what to write.
        listener: Is notified of progress, results, failures and files.

    Returns:
        Counts, failures and the files written. An input that cannot be read is listed as a failure and raises nothing.

    Raises:
        MoueError: there is nothing to do, the model or the detector cannot be loaded, or a file cannot be written
            or may not be replaced.
    """
    options, listener = options or PredictOptions(), listener or Listener()
    analyzer = Analyzer(
        Classifier.load(options.model, device=options.device),
        make_detector(options.detector, model=options.detector_model),
        unsure_below=options.unsure_below,
        limits=options.limits,
        allow_url=options.allow_url,
    )
    listener.began(analyzer)
    paths = collect(inputs, recursive=options.recursive, listener=listener)
    if not paths:
        raise MoueError(
            "there are no images or videos", "at least one", "Pass files, or add --recursive to search subfolders."
        )
    jobs = drawing_jobs(paths, options.annotate)
    check_one_video(jobs, options)
    run = _Run(analyzer, options, listener)
    run.predict(jobs)
    return run.summary


class _Run:
    """One run: passes every result to the table and to the listener, and counts them."""

    def __init__(self, analyzer: Analyzer, options: PredictOptions, listener: Listener) -> None:
        self.summary = Summary()
        self._analyzer, self._options, self._listener = analyzer, options, listener
        self._work = Work(analyzer, options, listener, self.summary)
        self._drawings = DrawingChoices(options.labels, options.overwrite)

    def predict(self, jobs: Sequence[Job]) -> None:
        """Process all jobs and write the table."""
        began = time.monotonic()
        output = self._options.output
        try:
            if output is None:
                self._fill(jobs, None, None)
            elif not isinstance(output, str | Path):
                self._fill(jobs, _Lines(output, self._analyzer.class_names, self._options.format), None)
            elif format_of(output, self._options.format).resumable:
                self._fill_csv(jobs, Path(output))
            else:
                self._fill_file(jobs, Path(output))
        finally:
            self.summary.image_seconds = time.monotonic() - began - self.summary.video_seconds

    def _fill(self, jobs: Sequence[Job], table: _Table | None, run: CsvRun | None) -> None:
        drawings = dataclasses.replace(self._drawings, run=run)
        with contextlib.closing(self._work.results(jobs, drawings, run)) as results:
            for result in results:
                if not isinstance(result, FrameResult):
                    self._count(result)
                self._listener.result(result)
                if table is not None:
                    table.write(result)

    def _fill_csv(self, jobs: Sequence[Job], path: Path) -> None:
        with CsvRun(
            path,
            class_names=self._analyzer.class_names,
            settings=self._settings(),
            overwrite=self._options.overwrite,
            name=self._options.format or "csv",
        ) as run:
            if run.num_done:
                self._listener.note(
                    f"resuming: {run.num_done:,} results are already in {run.part}; delete it to start over"
                )
            self.summary.num_before = run.num_done
            left = [job for job in jobs if not run.is_done(shown(str(job.source)))]
            try:
                self._fill(left, run, run)
            except KeyboardInterrupt:
                self._listener.note(f"the same command resumes: what is done is in {run.part}")
                raise
            self._wrote(run.finish())

    def _fill_file(self, jobs: Sequence[Job], path: Path) -> None:
        # If a video is interrupted, the rows up to then are worth keeping.
        keep = any(job.is_video for job in jobs)
        table = TableFile(
            path,
            class_names=self._analyzer.class_names,
            overwrite=self._options.overwrite,
            name=self._options.format,
            keep=keep,
        )
        try:
            with table:
                self._fill(jobs, table, None)
        except KeyboardInterrupt:
            if keep:
                self._listener.note(f"what was done by then is in {path}")
            raise
        self._wrote(path)

    def _wrote(self, path: Path) -> None:
        self.summary.wrote.append(path)
        self._listener.wrote(path)

    def _count(self, result: ImageResult) -> None:
        self.summary.statuses[result.status.value] += 1
        self.summary.emotions.update(face.emotion for face in result.faces)
        if result.status.value not in ("ok", "no_face"):
            reason = ": ".join(filter(None, (result.status.value, result.message)))
            self.summary.failures.append((result.file, reason))
            self._listener.failed(result.file, reason)
        elif result.message and result.faces:
            self._listener.note(f"{result.file}: {result.message}")

    def _settings(self) -> dict[str, Any]:
        """Return what the rows depend on, as JSON values."""
        sampling = self._options.sampling
        return {
            "model_sha256": self._analyzer.classifier.fingerprint,
            "detector": self._analyzer.detector.name,
            "unsure_below": self._analyzer.unsure_below,
            "videos": {"every": sampling.every, "fps": sampling.fps, "smooth_s": self._options.smooth_s},
            "allow_url": self._analyzer.allow_url,
        }


class _Lines:
    """Writes results to an open text file as they come."""

    def __init__(self, file: TextIO, class_names: Sequence[str], name: str) -> None:
        self._file, self._class_names, self._format = file, class_names, formats()[name or "csv"]
        file.write(self._format.begin(class_names))

    def write(self, result: ImageResult) -> None:
        """Add a result."""
        self._file.write(self._format.result(result, self._class_names, False))
        self._file.flush()
