"""The options of `moue.predict.predict`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

from moue.classifier.locate import DEFAULT_MODEL
from moue.classifier.runtime import CPU
from moue.errors import SettingError
from moue.files import refuse_existing, refuse_suffix
from moue.media.clock import Sampling
from moue.media.decode import DEFAULT_LIMITS, ImageLimits
from moue.output.formats import check_output, formats
from moue.output.timeline_table import SUFFIXES
from moue.recognition.smoothing import DEFAULT_WINDOW_S, Smoother

if TYPE_CHECKING:
    from typing import TextIO

_EVERY_FRAME: Final = Sampling()


@dataclasses.dataclass(frozen=True)
class PredictOptions:
    """How a run predicts and what it writes.

    Attributes:
        model: As for `moue.Classifier.load`.
        detector: As for `moue.faces.make_detector`.
        detector_model: The file of the detector yunet.
        unsure_below: Confidence below which a prediction is marked as unsure, 0-1.
        output: The table to write; its suffix chooses a format of `moue.output.formats`. Or an open text file, to which
            results are written as they come.
        format: The name of the format, if several have the suffix of `output`: "excel" is CSV with a byte order
            mark. For an open file the default is "csv".
        annotate: A folder for images and videos with the predictions drawn in; for a single video, also a video file
            with the suffix .webm, .mp4 or .avi.
        labels: What is drawn there, as for `moue.drawing.draw.draw`: "name", "emoji" or "both".
        srt: Subtitles with the predictions, for one video.
        timeline: The timeline of one video, ``.csv``, ``.json`` or ``.png``.
        overwrite: Replace existing files.
        recursive: Also search subfolders.
        sampling: Which frames of videos are analyzed.
        smooth_s: Seconds over which the probabilities in videos are averaged.
        max_pixels: Images with more pixels are refused; None uses the limit of `moue.media.decode.ImageLimits`.
        allow_url: Fetch inputs that are addresses.
        device: Where the model runs, as for `moue.Classifier.load`.

    Raises:
        MoueError: a value is out of its range, or `output` has an unknown suffix or exists.
    """

    model: str | Path = DEFAULT_MODEL
    detector: str = "auto"
    detector_model: Path | None = None
    unsure_below: float = 0.5
    output: str | Path | TextIO | None = None
    format: str = ""
    annotate: Path | None = None
    labels: str = "name"
    srt: Path | None = None
    timeline: Path | None = None
    overwrite: bool = False
    recursive: bool = False
    sampling: Sampling = _EVERY_FRAME
    smooth_s: float = DEFAULT_WINDOW_S
    max_pixels: int | None = None
    allow_url: bool = False
    device: str = CPU

    @property
    def limits(self) -> ImageLimits:
        """What is refused before it is decoded."""
        if self.max_pixels is None:
            return DEFAULT_LIMITS
        return dataclasses.replace(DEFAULT_LIMITS, max_pixels=self.max_pixels)

    def __post_init__(self) -> None:
        # Errors that concern every file are reported before the first one is read.
        Smoother(self.smooth_s)
        for path, suffixes in ((self.srt, (".srt",)), (self.timeline, SUFFIXES)):
            if path is not None:
                refuse_suffix(path, suffixes)
                refuse_existing(path, overwrite=self.overwrite)
        if isinstance(self.output, str | Path):
            check_output(self.output, overwrite=self.overwrite, name=self.format)
        elif self.format and self.format not in formats():
            raise SettingError(f"unknown format {self.format!r}", f"one of {', '.join(formats())}")
        elif self.format and formats()[self.format].open is not None:
            raise SettingError(f"the format {self.format} for an open text file", "a file's name, or another format")
        elif self.format and self.output is None:
            raise SettingError(f"the format {self.format} without an output", "a file to write", "Name an output.")
