"""Batches across requests: faces that arrive while the model is busy are classified together in its next run."""

from __future__ import annotations

import contextlib
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import onnxruntime
    from numpy.typing import NDArray

    Outputs: TypeAlias = dict[str, NDArray[np.float32]]
    """The model's outputs for N faces: each output's name and its values (N, columns)."""
    Job: TypeAlias = tuple[NDArray[np.float32], Future[Outputs]]

_JOIN_S: Final = 5.0


class BatchingSession:
    """An ONNX Runtime session that one thread runs for many callers; `Classifier` uses it in place of the session.

    It never waits for a batch to fill: a run takes whatever arrived during the previous run.

    Args:
        session: The session to run.
        batch_size: Maximum number of faces in one run.
        on_batch: Called with the number of faces of each run.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        batch_size: int = 64,
        on_batch: Callable[[int], None] = lambda _faces: None,
    ) -> None:
        self._session = session
        self._batch_size = batch_size
        self._on_batch = on_batch
        self._input: str = session.get_inputs()[0].name
        self.output_names: tuple[str, ...] = tuple(output.name for output in session.get_outputs())
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def get_inputs(self) -> Any:  # noqa: ANN401 (ONNX Runtime has no types)
        """Return the session's inputs."""
        return self._session.get_inputs()

    def get_outputs(self) -> Any:  # noqa: ANN401 (as above)
        """Return the session's outputs."""
        return self._session.get_outputs()

    def run(
        self, output_names: Sequence[str], feeds: Mapping[str, NDArray[np.float32]], _options: object = None
    ) -> list[NDArray[np.float32]]:
        """Wait for the next batch and return the outputs for these faces, as ONNX Runtime does."""
        (batch,) = feeds.values()
        outputs = self.submit(batch).result()
        return [outputs[name] for name in output_names]

    def submit(self, batch: NDArray[np.float32]) -> Future[Outputs]:
        """Queue faces, float32 (N, height, width, 1) with N >= 1, and return at once."""
        future: Future[Outputs] = Future()
        self._jobs.put((batch, future))
        return future

    def start(self) -> None:
        """Start the thread; it also runs what was queued before."""
        self._thread = threading.Thread(target=self._work, name="moue-network", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish the queued jobs, then stop the thread, which can be started again."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(_JOIN_S)
            self._thread = None

    def _work(self) -> None:
        while jobs := self._collect():
            # Cancelled jobs are left out.
            running = [(batch, future) for batch, future in jobs if future.set_running_or_notify_cancel()]
            try:
                results = self._run_batches([batch for batch, _ in running]) if running else []
            except Exception as error:  # noqa: BLE001 (the callers must get it)
                for _, future in running:
                    future.set_exception(error)
                continue
            for (_, future), outputs in zip(running, results, strict=True):
                future.set_result(outputs)

    def _collect(self) -> list[Job]:
        """Wait for a job and take those queued behind it, up to a full batch; an empty list means stop."""
        job = self._jobs.get()
        jobs: list[Job] = []
        faces = 0
        with contextlib.suppress(queue.Empty):
            while job is not None:
                jobs.append(job)
                faces += len(job[0])
                if faces >= self._batch_size:
                    return jobs
                job = self._jobs.get_nowait()
            if jobs:
                self._jobs.put(None)  # stop after these jobs
        return jobs

    def _run_batches(self, batches: list[NDArray[np.float32]]) -> list[Outputs]:
        faces = batches[0] if len(batches) == 1 else np.concatenate(batches)
        parts = []
        for start in range(0, len(faces), self._batch_size):
            part = faces[start : start + self._batch_size]
            self._on_batch(len(part))
            parts.append(self._session.run(list(self.output_names), {self._input: part}))
        whole = parts[0] if len(parts) == 1 else [np.concatenate(values) for values in zip(*parts, strict=True)]
        ends = np.cumsum([len(batch) for batch in batches])[:-1]
        columns = [np.split(values, ends) for values in whole]
        return [dict(zip(self.output_names, values, strict=True)) for values in zip(*columns, strict=True)]
