"""The parts of ``model.json``: how to feed a network, what its heads answer, how they answer together."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final

from moue.errors import MoueError
from moue.labels import CLASS_NAMES

FIX: Final = "Export the model again."
NEWER: Final = "It was written by a newer moue: upgrade this one (pip install -U moue)."
_MAX_SIDE: Final = 4096
_MOST_MARGIN: Final = 4


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """How pixels become the network's input; the defaults are those of FER2013 and of the starting point.

    The network scales inside itself, so `pixel_range` is that of plain pictures.

    Attributes:
        height: Input height in pixels.
        width: Input width in pixels.
        channels: 1, gray.
        layout: ``"NHWC"``.
        color: ``"gray"``.
        gray_rule: ``"rec601"``, the luma weights of ``cv2.cvtColor``.
        pixel_range: (0, 255).
        dtype: ``"float32"``.
        resize: ``"bilinear"``, half-pixel centres without antialiasing, as ``cv2.resize``.
        crop_margin: A face is cut out of a photograph as a square; its side is the square root of the face box's area
            times 1 + crop_margin, which is above -1. A picture that is one face already is taken as it is.
        crop_shift: How far the square's centre lies from the box's towards the chin, in parts of that root, -1 to 1.
    """

    height: int = 48
    width: int = 48
    channels: int = 1
    layout: str = "NHWC"
    color: str = "gray"
    gray_rule: str = "rec601"
    pixel_range: tuple[int, int] = (0, 255)
    dtype: str = "float32"
    resize: str = "bilinear"
    # FER2013's own framing, measured with YuNet's boxes on its PublicTest faces: see benchmarks/roundtrip.py.
    crop_margin: float = 0.1
    crop_shift: float = -0.01

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            value = getattr(self, name)
            if not is_int(value) or not 1 <= value <= _MAX_SIDE:
                raise MoueError(f"input.{name} is {value!r}", f"a whole number from 1 to {_MAX_SIDE}", FIX)
        for field in dataclasses.fields(self):
            if field.name in ("height", "width", "crop_margin", "crop_shift"):
                continue
            if getattr(self, field.name) != field.default:
                raise MoueError(f"input.{field.name} is {getattr(self, field.name)!r}", repr(field.default), NEWER)
        if not is_finite(self.crop_margin) or not -1 < self.crop_margin <= _MOST_MARGIN:
            wanted = f"a number above -1, {_MOST_MARGIN} at most"
            raise MoueError(f"input.crop_margin is {self.crop_margin!r}", wanted, FIX)
        if not is_finite(self.crop_shift) or not -1 <= self.crop_shift <= 1:
            raise MoueError(f"input.crop_shift is {self.crop_shift!r}", "a number from -1 to 1", FIX)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "pixel_range": list(self.pixel_range)}


@dataclasses.dataclass(frozen=True)
class HeadSpec:
    """One answer of the network.

    Attributes:
        name: What it answers, e.g. ``"emotion"``.
        output: Name of the ONNX output: probabilities float32 (N, len(class_names)).
        class_names: Names in the order of the output's columns.
        temperature: Above 0; calibrated probabilities are softmax(log p / temperature). 1 changes nothing.
    """

    name: str
    output: str
    class_names: tuple[str, ...] = CLASS_NAMES
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for field in ("name", "output"):
            if not is_word(getattr(self, field)):
                raise MoueError(f"a head's {field} is {getattr(self, field)!r}", "a text that is not empty", FIX)
        names: Any = self.class_names  # from JSON it may be anything
        where = f"class_names of head {self.name!r}"
        if not isinstance(names, tuple) or len(names) < 2 or not all(map(is_word, names)):
            raise MoueError(f"{where} are {names!r}", "two or more texts", FIX)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise MoueError(f"{where} name {', '.join(twice)} twice", "every class once", FIX)
        if not is_finite(self.temperature) or self.temperature <= 0:
            raise MoueError(f"temperature of head {self.name!r} is {self.temperature!r}", "a number above 0", FIX)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "class_names": list(self.class_names)}


@dataclasses.dataclass(frozen=True)
class PhotoSpec:
    """How the heads answer together for a face found in a photograph; the defaults let "emotion" answer alone.

    Attributes:
        perceived_share: Part of the head "perceived" in the answer, 0-1; the rest is that of "emotion". Probabilities
            are averaged over the classes of "emotion", after calibration.
        class_weights: What each probability is then multiplied with before they are made to sum to 1 again, above 0,
            in the order of the classes of "emotion"; empty changes nothing. Photographs show rare expressions more
            often than the training data does (logit adjustment, Menon et al. 2021, arXiv:2007.07314).
        temperature: Above 0; of the result, fitted to what the majority of people saw. 1 changes nothing.
        not_face_above: A detected face is dropped where "perceived" gives `not_face` more than this, 0-1.
    """

    perceived_share: float = 0.0
    class_weights: tuple[float, ...] = ()
    temperature: float = 1.0
    not_face_above: float = 1.0

    def __post_init__(self) -> None:
        for name in ("perceived_share", "not_face_above"):
            value = getattr(self, name)
            if not is_finite(value) or not 0 <= value <= 1:
                raise MoueError(f"photographs.{name} is {value!r}", "a number from 0 to 1", FIX)
        if not is_finite(self.temperature) or self.temperature <= 0:
            raise MoueError(f"photographs.temperature is {self.temperature!r}", "a number above 0", FIX)
        weights: Any = self.class_weights  # from JSON it may be anything
        if not isinstance(weights, tuple) or not all(is_finite(weight) and weight > 0 for weight in weights):
            raise MoueError(f"photographs.class_weights are {weights!r}", "numbers above 0", FIX)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "class_weights": list(self.class_weights)}

    @property
    def needs_perceived(self) -> bool:
        """Whether the head "perceived" has a say."""
        return self.perceived_share > 0 or self.not_face_above < 1


def is_int(value: object) -> bool:
    """Return whether a JSON value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_finite(value: object) -> bool:
    """Return whether a JSON value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_word(value: object) -> bool:
    """Return whether a JSON value is a text that is not empty."""
    return isinstance(value, str) and bool(value.strip())
