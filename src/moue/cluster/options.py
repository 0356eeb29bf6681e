"""The options of `moue.cluster.predict_on_cluster`."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Final

from moue.classifier.locate import DEFAULT_MODEL
from moue.cluster.videos import VideoOptions
from moue.errors import SettingError
from moue.media.clock import Sampling
from moue.media.decode import DEFAULT_LIMITS, ImageLimits
from moue.media.urls import is_address
from moue.recognition.smoothing import DEFAULT_WINDOW_S, Smoother

FORMATS: Final = ("parquet", "csv")
_EVERY_FRAME: Final = Sampling()


@dataclasses.dataclass(frozen=True)
class ClusterOptions:
    """How a run on a cluster predicts and what it writes.

    Attributes:
        output: The folder of shards to write, a path or an address; its suffix is ``.parquet`` or ``.csv``.
        address: The cluster: ``"auto"`` for the one on this machine, ``"HOST:PORT"``, or ``"local"`` to start one for
            this run.
        model: As for `moue.Classifier.load`; its files need not be on the other nodes.
        detector: As for `moue.faces.make_detector`.
        unsure_below: Confidence below which a prediction is marked as unsure, 0-1.
        overwrite: Replace an output that exists, or that was started with other settings.
        recursive: Also search subfolders.
        max_pixels: Images with more pixels are refused; None uses the limit of `moue.media.decode.ImageLimits`.
        actors: Maximum number of processes that predict, at least 1; None uses the CPUs of the cluster, less one in
            eight.
        shard_files: Maximum number of images in a shard.
        shard_bytes: Maximum size of a shard's images in bytes.
        part_minutes: Longer videos are split into parts of this many minutes, which are processed separately.
        sampling: Which frames of videos are analyzed.
        smooth_s: Seconds over which the probabilities in videos are averaged.

    Raises:
        SettingError: a value is out of its range, or `output` has another suffix.
    """

    output: str | Path
    address: str = "auto"
    model: str | Path = DEFAULT_MODEL
    detector: str = "auto"
    unsure_below: float = 0.5
    overwrite: bool = False
    recursive: bool = False
    max_pixels: int | None = None
    actors: int | None = None
    shard_files: int = 512
    shard_bytes: int = 64 * 1024 * 1024
    part_minutes: float = 5.0
    sampling: Sampling = _EVERY_FRAME
    smooth_s: float = DEFAULT_WINDOW_S

    def __post_init__(self) -> None:
        for name in ("actors", "shard_files", "shard_bytes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingError(f"{name} is {value}", "1 or more")
        if not (self.part_minutes > 0 and math.isfinite(self.part_minutes)):
            raise SettingError(f"part_minutes is {self.part_minutes}", "minutes, above 0")
        Smoother(self.smooth_s)  # checks the range
        if self.format not in FORMATS:
            raise SettingError(
                f"the output {self.output} has the suffix {Path(str(self.output)).suffix!r}",
                "a folder whose name ends with .parquet or .csv",
                "Rename the output.",
            )

    @property
    def format(self) -> str:
        """The format of the shards, from the suffix of the output."""
        text = str(self.output)
        if is_address(text):  # after "?" come options of the storage, such as its host
            text = text.partition("?")[0]
        return Path(text).suffix.lower().removeprefix(".")

    @property
    def videos(self) -> VideoOptions:
        """How videos are processed."""
        return VideoOptions(60 * self.part_minutes, self.sampling, self.smooth_s)

    @property
    def limits(self) -> ImageLimits:
        """What is refused before it is decoded."""
        if self.max_pixels is None:
            return DEFAULT_LIMITS
        return dataclasses.replace(DEFAULT_LIMITS, max_pixels=self.max_pixels)
