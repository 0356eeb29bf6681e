"""Analysis of a running camera: always of the newest frame, and the display never waits for the model.

One thread reads the camera and keeps only the newest frame. A second thread analyses the newest frame, so a slow model
skips frames instead of falling behind. The display shows each frame with the newest result.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from moue.media.video import VideoFrame

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE_S: Final = 10.0  # a camera without a frame for this long counts as lost
_JOIN_S: Final = 5.0  # a driver may hang during a read, and nothing can interrupt it
_RATE_SPAN_S: Final = 2.0


class Camera(Protocol):
    """The source that `Live` reads, as `open_video` returns it.

    Attributes:
        name: Its name in messages.
        is_live: Whether frames come in real time; those of a video are timed by their time stamps.
        problem: After the last frame, why there are no more, or empty.
    """

    name: str
    is_live: bool
    problem: str

    def frames(self) -> Generator[VideoFrame, None, None]:
        """Yield the frames, waiting for each, and release the source at the end."""
        ...


class NewestFrame(Generic[T]):
    """Holds the newest item only: putting one in replaces the last and never waits for a reader."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        """How many items were put in so far."""
        return self._count

    @property
    def closed(self) -> bool:
        """Whether no more items will come."""
        return self._closed

    def put(self, item: T) -> None:
        """Put in a newer item."""
        with self._changed:
            self._item = item
            self._count += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Signal that no more items will come; the last one stays."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def peek(self) -> T | None:
        """Return the newest item without waiting; None if there is none yet."""
        return self._item

    def wait(self, after: int, timeout_s: float | None = None) -> tuple[int, T] | None:
        """Wait until more than `after` items were put in, and return the count and the newest item.

        Returns:
            None if no more items will come, or none came within `timeout_s`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._count > after or self._closed, timeout_s)
            if self._count <= after or self._item is None:
                return None
            return self._count, self._item


class Rate:
    """Events per second, over the last two seconds; one thread may count while another reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: deque[float] = deque()

    def add(self, now: float) -> None:
        """Count an event at the time `now`, in seconds of any clock."""
        with self._lock:
            self._times.append(now)
            self._forget(now)

    def per_second(self, now: float) -> float:
        """Return the rate at the time `now`; 0 if there were fewer than two events."""
        with self._lock:
            self._forget(now)
            span = now - self._times[0] if self._times else 0.0
            return (len(self._times) - 1) / span if span > 0 and len(self._times) > 1 else 0.0

    def _forget(self, now: float) -> None:
        while self._times and self._times[0] < now - _RATE_SPAN_S:
            self._times.popleft()


class Live(Generic[R]):
    """Reads and analyses in two threads while the ``with`` block runs; both end with the block.

    Args:
        camera: The source; it is closed at the end.
        analyse: Called in its own thread with the newest frame each time.
        on_result: Called in that thread with each result, e.g. to write it.
        seconds: For how long to run; None continues until the block is left or there are no more frames.
        patience_s: Seconds without a frame after which the camera counts as lost.

    Attributes:
        frames: The newest frame; closed when the camera gives no more.
        results: The newest analysed frame and its result; closed when no more will come.
        lost: Why the camera stopped; empty if a video reached its end or the block was left.
    """

    def __init__(
        self,
        camera: Camera,
        analyse: Callable[[VideoFrame], R],
        on_result: Callable[[R], None] | None = None,
        *,
        seconds: float | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.frames: NewestFrame[VideoFrame] = NewestFrame()
        self.results: NewestFrame[tuple[VideoFrame, R]] = NewestFrame()
        self.lost = ""
        self._camera, self._analyse, self._on_result = camera, analyse, on_result
        self._seconds, self._patience_s = seconds, patience_s
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._began = self._last_at = time.monotonic()
        self._rate = Rate()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work, place), name=f"moue-{place}", daemon=True)
            for work, place in ((self._read, "camera"), (self._analyse_newest, "analysis"))
        ]

    def __enter__(self) -> Self:
        self._began = self._last_at = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def stop(self) -> None:
        """Tell both threads to end; returns at once."""
        self._stop.set()
        self.frames.close()

    def running(self) -> bool:
        """Return whether more frames or results may come; raise the error of a thread.

        Raises:
            MoueError: a thread failed.
        """
        # Read this before the error: a failing thread sets its error first.
        ended = self.results.closed
        if self._error is not None:
            raise self._error
        if self._seconds is not None and time.monotonic() - self._began >= self._seconds:
            self.stop()
        if self._camera.is_live and not self.frames.closed:
            silent_s = time.monotonic() - self._last_at
            if silent_s > self._patience_s:
                self.lost = f"{self._camera.name} gave no image for {silent_s:.0f} seconds"
                self.stop()
        return not ended

    @property
    def reading(self) -> bool:
        """Whether the thread that reads the camera is running; a driver may block it forever."""
        return self._threads[0].is_alive()

    def analysis_fps(self) -> float:
        """Return how many frames per second are being analysed."""
        return self._rate.per_second(time.monotonic())

    def _guarded(self, work: Callable[[], None], place: str) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (`running` raises it in the caller's thread)
            self._error = self._error or error
            self.stop()
        finally:
            (self.frames if place == "camera" else self.results).close()

    def _read(self) -> None:
        with contextlib.closing(self._camera.frames()) as frames:
            for frame in frames:
                if not self._camera.is_live:
                    self._stop.wait(max(0.0, self._began + frame.time_s - time.monotonic()))
                if self._stop.is_set():
                    return
                self._last_at = time.monotonic()
                self.frames.put(frame)
        if self._camera.problem:
            self.lost = f"{self._camera.name}: {self._camera.problem}"

    def _analyse_newest(self) -> None:
        count = 0
        while (newest := self.frames.wait(count)) is not None and not self._stop.is_set():
            count, frame = newest
            result = self._analyse(frame)
            if self._on_result is not None:
                self._on_result(result)
            self._rate.add(time.monotonic())
            self.results.put((frame, result))
