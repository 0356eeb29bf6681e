"""The sound of a video, cut to fit its annotated copy; needs PyAV."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Opus has no higher rate, and AAC sounds the same at this one.
_RATE: Final = 48_000
_BIT_RATE: Final = 128_000
# Timestamps jitter by less; a longer gap is filled with silence.
_JITTER_S: Final = 0.05


class SoundTrack:
    """Copies the sound of one video into another one as it is written, and re-encodes it.

    Args:
        source: An open video (`av.container.InputContainer`) with sound.
        target: The video being written (`av.container.OutputContainer`).
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
        """Return the sound of a file, or None if it has no readable sound."""
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
        """Write the sound up to `end_s`.

        Args:
            end_s: Time in the video being written, in seconds.
            begin_s: Time in the source at which that video begins, in seconds. If it has grown since the last call, the
                sound in between is left out.
        """
        while self._next is not None:
            time_s, samples = self._next
            place = round((time_s - begin_s) * _RATE)
            if place >= end_s * _RATE:
                return
            gap = place - self._written
            allowed = _JITTER_S * _RATE if self._written else 0
            if gap > allowed:
                self._encode(np.zeros((gap, self._channels), np.int16))
            elif gap < -allowed:
                samples = samples[-gap:]
            self._encode(samples)
            self._next = next(self._parts, None)

    def close(self) -> None:
        """Write what is left in the encoder."""
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
        """Yield the time in seconds and the samples, int16 (N, channels); stop where the sound is damaged."""
        with contextlib.suppress(OSError, ValueError):
            for frame in self._source.decode(audio=0):
                time_s = frame.time
                if time_s is None:
                    continue
                frame.pts = None  # the resampler makes its own timestamps
                for part in self._resampler.resample(frame):
                    samples: Any = part.to_ndarray()
                    yield time_s, samples.reshape(-1, self._channels)
