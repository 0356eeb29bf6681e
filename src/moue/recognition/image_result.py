"""`ImageResult`: what `analyze` returns for an image, with a `FaceResult` for each face."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.classifier.locate import DEFAULT_MODEL
from moue.drawing.draw import draw, save_drawing
from moue.drawing.notebook import html_of, png_of, show_image
from moue.errors import MoueError
from moue.files import as_path
from moue.media.decode import Status, decode
from moue.recognition.rows import classes_of, rows_of, to_df

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from moue.recognition.analyze import Model
    from moue.recognition.explain import Explanation
    from moue.recognition.face_result import FaceResult

FORMAT: Final = "moue-results"
VERSION: Final = 1
"""Incremented when a field changes its meaning or is removed, but not when one is added."""


@dataclasses.dataclass(frozen=True)
class Timings:
    """Milliseconds of wall time; the time of a batch is divided among its images.

    Attributes:
        decode_ms: Reading and decoding the file; for a video, the frame and those skipped before it.
        detection_ms: Detecting faces.
        preprocess_ms: Cropping them.
        inference_ms: Predicting the expressions.
    """

    decode_ms: float = 0.0
    detection_ms: float = 0.0
    preprocess_ms: float = 0.0
    inference_ms: float = 0.0


@dataclasses.dataclass(frozen=True, repr=False)
class ImageResult:
    """The result for one image.

    Attributes:
        file: The path as it was given; empty for bytes and pixels.
        status: ``"ok"`` if there is a face, ``"no_face"`` if there is none; ``"empty"``, ``"unreadable"``,
            ``"too_large"``, ``"not_found"``, ``"unsupported"`` if the image could not be read; ``"failed"`` if moue
            itself failed.
        width: Pixels of the upright image; 0 if unknown.
        height: As `width`.
        faces: The faces, the most confident first.
        detector: What detected the faces: ``"own"``, ``"yunet"``, ``"none"``, or ``"given"`` for the caller's
            boxes.
        message: An error or a note; may be empty.
        timings: How long each step took.
        class_names: The classes of the model, in order.
        pixels: The upright image, uint8 (H, W) or (H, W, 3) RGB, unless `analyze` was given a path; then it is None,
            and `plot` opens `file` again.
    """

    file: str
    status: Status
    width: int = 0
    height: int = 0
    faces: tuple[FaceResult, ...] = ()
    detector: str = ""
    message: str = ""
    timings: Timings = Timings()
    class_names: tuple[str, ...] = ()
    pixels: NDArray[np.uint8] | None = dataclasses.field(default=None, compare=False)

    def __repr__(self) -> str:
        labels = ", ".join(face.label for face in self.faces) or str(self.status)
        return f"{type(self).__name__}({self._name or 'image'}, {self.width}x{self.height}: {labels})"

    @property
    def _name(self) -> str:
        return self.file

    def summary(self) -> str:
        """Return a few readable lines: the image, and each face with its two most probable classes."""
        size = f" ({self.width} x {self.height})" if self.width else ""
        many = f"{len(self.faces)} face{'' if len(self.faces) == 1 else 's'}"
        lines = [f"{self._name or 'image'}{size}: {many if self.faces else self.message or self.status}"]
        for face in self.faces:
            others = {name: value for name, value in face.probabilities.items() if name != face.emotion}
            name = max(others, key=others.__getitem__, default="")
            second = f", then {name} {others[name]:.0%}" if name else ""
            x, y, width, height = (round(value) for value in face.box)
            lines.append(f"  {face.label}{second}; at x={x} y={y}, {width} x {height}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {
            "file": self.file,
            "status": str(self.status),
            "width": self.width,
            "height": self.height,
            "detector": self.detector,
            "faces": [face.to_dict() for face in self.faces],
            "message": self.message,
            "timings": {name: round(value, 2) for name, value in dataclasses.asdict(self.timings).items()},
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict` as JSON text, on one line unless `indent` is given."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    def to_rows(self, class_names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return one flat row for each face, or a single row with the status.

        Args:
            class_names: The classes that get a column; the model's own by default.
        """
        return rows_of(self, classes_of([self]) if class_names is None else class_names)

    def to_df(self, *, backend: str = "pandas") -> Any:  # noqa: ANN401 (both are optional)
        """Return a data frame of pandas or polars, see `moue.to_df`."""
        return to_df([self], backend=backend)

    def plot(
        self,
        image: NDArray[np.uint8] | None = None,
        *,
        bars: bool = True,
        landmarks: bool = False,
        labels: str = "name",
    ) -> Image.Image:
        """Return the image with the result drawn on it, as a Pillow image.

        Args:
            image: The upright image, uint8 (H, W) or (H, W, 3) RGB; by default `pixels`, otherwise `file` is opened.
            bars: As for `moue.draw`.
            landmarks: As for `moue.draw`.
            labels: As for `moue.draw`.

        Raises:
            MoueError: the image is not available, or is not the one that was analyzed.
        """
        pixels = self.upright_pixels() if image is None else image
        return draw(pixels, self, bars=bars, landmarks=landmarks, labels=labels)

    def show(self) -> None:
        """Show `plot()` in the notebook, or otherwise in the system's image viewer.

        Raises:
            MoueError: the image is not available, or there is no viewer.
        """
        show_image(self.plot())

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write `plot()` to a file whose suffix names the format: .jpg, .png or .webp.

        Raises:
            MoueError: as `plot`; an unknown suffix, or the file exists and `overwrite` is false.
        """
        return save_drawing(self.plot(), as_path(path, "the output"), overwrite=overwrite)

    def explain(self, *, model: Model = DEFAULT_MODEL, emotion: str = "", method: str = "auto") -> Explanation:
        """Return which parts of each face its prediction is based on.

        Args:
            model: The model that gave this result, as for `analyze`.
            emotion: As for `moue.explain`.
            method: As for `moue.explain`.

        Raises:
            MoueError: as `moue.explain`.
        """
        from moue.recognition.explain import explain_result  # noqa: PLC0415 (it needs what is defined here)

        return explain_result(self, model=model, emotion=emotion, method=method)

    def upright_pixels(self) -> NDArray[np.uint8]:
        """Return the upright image, uint8 (H, W) or (H, W, 3) RGB: `pixels`, otherwise `file` is opened again.

        Raises:
            MoueError: it is not available.
        """
        if self.pixels is not None:
            return self.pixels
        if not self.width:
            raise MoueError(
                f"{self.file or 'the image'} has the status {self.status!s}", "an image that was read", self.message
            )
        decoded = decode(Path(self.file)) if self.file else None
        if decoded is None or decoded.image is None:
            raise MoueError(
                f"the pixels of {self.file or 'this image'} are no longer available",
                "the image that this is the result of",
                "Pass its pixels: result.plot(image).",
            )
        return decoded.image

    def _repr_png_(self) -> bytes | None:
        return png_of(self.plot()) if self._can_plot() else None

    def _repr_html_(self) -> str:
        rows = [(face.label, *(face.probabilities.get(name) for name in self.class_names)) for face in self.faces]
        image = self.plot() if self._can_plot() else None
        return html_of(self.summary().partition("\n")[0], image, ("face", *self.class_names), rows)

    def _can_plot(self) -> bool:
        return bool(self.width) and (self.pixels is not None or Path(self.file).is_file())
