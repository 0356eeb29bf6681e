"""The sound of a video, cut to fit the video that is drawn from it; needs PyAV."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Opus knows no higher rate, and AAC sounds the same at it.
_RATE: Final = 48_000
_BIT_RATE: Final = 128_000
# Time stamps jitter by less; a longer gap is filled with silence.
_JITTER_S: Final = 0.05


class SoundTrack:
    """Copies the sound of one video into another, encoded again, as far as that one has got.

    Args:
        source: An open video (`av.container.InputContainer`) with sound.
        target: The video that is written (`av.container.OutputContainer`).
        codec: The encoder, "aac" or "libopus".
    """

    def __init__(self, source: Any, target: Any, codec: str) -> None:  # noqa: ANN401 (PyAV is optional)
        import av

        stream = source.streams.audio[0]
        layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        self._source, self._target = source, target
        self._stream = target.add_stream(codec, rate=_RATE, layout=layout)
        self._stream.bit_rate = _BIT_RATE
        self._resampler = av.AudioResampler(format="s16", layout=layout, rate=_RATE)
        self._channels = 1 if layout == "mono" else 2
        self._parts = self._decode()
        self._next = next(self._parts, None)
        self._written = 0  # samples

    @classmethod
    def open(cls, path: Path, target: Any, codec: str) -> Self | None:  # noqa: ANN401 (PyAV is optional)
        """Return the sound of a file, or None if it has none that can be read."""
        import av

        try:
            source = av.open(str(path))
        except (OSError, ValueError):
            return None
        if not source.streams.audio:
            source.close()
            return None
        return cls(source, target, codec)

    def write_until(self, end_s: float, begin_s: float) -> None:
        """Write what sounds before `end_s`.

        Args:
            end_s: Seconds in the video that is written.
            begin_s: Which second of the source is shown at its beginning. Where it has grown since the last call, the
                sound between is left out.
        """
        while self._next is not None:
            time_s, samples = self._next
            place = round((time_s - begin_s) * _RATE)
            if place >= end_s * _RATE:
                return
            late = place - self._written
            allowed = _JITTER_S * _RATE if self._written else 0
            if late > allowed:
                self._encode(np.zeros((late, self._channels), np.int16))
            elif late < -allowed:
                samples = samples[-late:]
            self._encode(samples)
            self._next = next(self._parts, None)

    def close(self) -> None:
        """Write what the encoder still holds."""
        try:
            self._target.mux(self._stream.encode(None))
        finally:
            self._source.close()

    def _encode(self, samples: np.ndarray[Any, np.dtype[np.int16]]) -> None:
        """Encode int16 (N, channels)."""
        import av

        if not len(samples):
            return
        layout = "mono" if self._channels == 1 else "stereo"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts = _RATE, self._written
        self._written += len(samples)
        self._target.mux(self._stream.encode(frame))

    def _decode(self) -> Iterator[tuple[float, np.ndarray[Any, np.dtype[np.int16]]]]:
        """Yield the time in seconds and the samples, int16 (N, channels); damaged sound ends there."""
        with contextlib.suppress(OSError, ValueError):
            for frame in self._source.decode(audio=0):
                time_s = frame.time
                if time_s is None:
                    continue
                frame.pts = None  # the resampler counts on its own
                for part in self._resampler.resample(frame):
                    samples: Any = part.to_ndarray()
                    yield time_s, samples.reshape(-1, self._channels)
