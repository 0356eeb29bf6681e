"""Batches across requests: whoever asks the network while it is busy is answered with the others in its next run."""

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
    """What the network says of N faces: each output's name and its values (N, columns)."""
    Job: TypeAlias = tuple[NDArray[np.float32], Future[Outputs]]

_JOIN_S: Final = 5.0


class BatchingSession:
    """An ONNX Runtime session that one thread runs for many; `Classifier` takes it for the session itself.

    Nobody waits for a batch to fill: a run takes whatever has come during the run before it.

    Args:
        session: The network.
        batch_size: Most faces of one run.
        on_batch: Told the number of faces of each run.
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
        """As ONNX Runtime's own."""
        return self._session.get_inputs()

    def get_outputs(self) -> Any:  # noqa: ANN401 (as above)
        """As ONNX Runtime's own."""
        return self._session.get_outputs()

    def run(
        self, output_names: Sequence[str], feeds: Mapping[str, NDArray[np.float32]], _options: object = None
    ) -> list[NDArray[np.float32]]:
        """As ONNX Runtime's own: wait for the next batch and return the outputs of these faces."""
        (batch,) = feeds.values()
        outputs = self.submit(batch).result()
        return [outputs[name] for name in output_names]

    def submit(self, batch: NDArray[np.float32]) -> Future[Outputs]:
        """Ask about faces, float32 (N, height, width, 1), N of 1 or more, and return at once."""
        future: Future[Outputs] = Future()
        self._jobs.put((batch, future))
        return future

    def start(self) -> None:
        """Start the thread; what is asked before waits for it."""
        self._thread = threading.Thread(target=self._work, name="moue-network", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer what has been asked, then end the thread, which can be started again."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(_JOIN_S)
            self._thread = None

    def _work(self) -> None:
        while jobs := self._collect():
            # Those who no longer wait are left out.
            asked = [(batch, future) for batch, future in jobs if future.set_running_or_notify_cancel()]
            try:
                answers = self._answer([batch for batch, _ in asked]) if asked else []
            except Exception as error:  # noqa: BLE001 (whoever asked must hear of it)
                for _, future in asked:
                    future.set_exception(error)
                continue
            for (_, future), outputs in zip(asked, answers, strict=True):
                future.set_result(outputs)

    def _collect(self) -> list[Job]:
        """Wait for one job and take what else is there, up to a batch; none is the end."""
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
                self._jobs.put(None)  # the end comes after these
        return jobs

    def _answer(self, batches: list[NDArray[np.float32]]) -> list[Outputs]:
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
