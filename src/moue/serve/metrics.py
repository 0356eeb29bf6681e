"""What the server counts, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

if TYPE_CHECKING:
    from moue.serve.gate import Gate

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_FACES: Final = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The metrics of one server; they contain no file names and no client addresses."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "moue_requests", "Requests handled.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "moue_request_seconds",
            "Seconds from the head of a request to the end of its response.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._images = Counter("moue_images", "Images, by their status.", ("status",), registry=self._registry)
        self._faces = Counter("moue_faces", "Faces classified.", registry=self._registry)
        self._batches = Histogram(
            "moue_batch_faces", "Faces (views of them) per run of a model.", buckets=_FACES, registry=self._registry
        )
        ProcessCollector(registry=self._registry)

    def watch(self, gate: Gate) -> None:
        """Expose the counts of a gate."""
        requests = Gauge("moue_requests_waiting", "Requests waiting or in progress.", registry=self._registry)
        requests.set_function(lambda: gate.requests)
        buffered = Gauge("moue_buffered_bytes", "Bytes of requests in memory.", registry=self._registry)
        buffered.set_function(lambda: gate.buffered)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is the pattern of its path, so there are few different values."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_image(self, status: str, faces: int) -> None:
        """Count an image and its faces."""
        self._images.labels(status).inc()
        self._faces.inc(faces)

    def count_batch(self, faces: int) -> None:
        """Count a run of a model."""
        self._batches.observe(faces)

    def text(self) -> bytes:
        """Return all metrics in Prometheus's format."""
        return generate_latest(self._registry)
