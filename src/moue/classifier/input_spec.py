"""`InputSpec`: how pixels become a model's input, a part of its description."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from moue.classifier import checks
from moue.classifier.checks import FIX, NEWER
from moue.errors import MoueError
from moue.media.pixels import RESIZING

COLORS: Final = {"gray": 1, "rgb": 3}
"""Number of channels by `InputSpec.color`."""

_MAX_SIDE: Final = 4096
_MIN_MARGIN: Final = -0.5
_MAX_MARGIN: Final = 4


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """How pixels become the model's input; the defaults are those of FER2013 and of `seed_cnn`.

    The network scales the pixels itself, so `pixel_range` is that of plain images.

    Attributes:
        height: Input height in pixels.
        width: Input width in pixels.
        channels: 1 for gray; 3 only in a community model.
        layout: ``"NHWC"``.
        color: ``"gray"``, or ``"rgb"`` with 3 channels.
        gray_rule: ``"rec601"``, the luma weights of ``cv2.cvtColor``.
        pixel_range: (0, 255).
        dtype: ``"float32"``.
        resize: ``"hamming"``, see `moue.media.pixels.resize`.
        crop_margin: A face is cropped from a photo as a square. Its side is the square root of the face box's area
            times 1 + crop_margin, -0.5 to 4. An image that is already one face is not cropped.
        crop_shift: How far the square's centre lies below the box's centre, towards the chin, as a fraction of that
            square root, -1 to 1.
    """

    height: int = 48
    width: int = 48
    channels: int = 1
    layout: str = "NHWC"
    color: str = "gray"
    gray_rule: str = "rec601"
    pixel_range: tuple[int, int] = (0, 255)
    dtype: str = "float32"
    resize: str = RESIZING
    # FER2013's own crop, measured with YuNet's boxes on its PublicTest faces: see benchmarks/roundtrip.py.
    crop_margin: float = 0.1
    crop_shift: float = -0.01

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            value = getattr(self, name)
            if not checks.is_int(value) or not 1 <= value <= _MAX_SIDE:
                raise MoueError(f"input.{name} is {value!r:.200}", f"a whole number from 1 to {_MAX_SIDE}", FIX)
        for field in dataclasses.fields(self):
            if field.name in ("height", "width", "channels", "color", "crop_margin", "crop_shift"):
                continue
            if getattr(self, field.name) != field.default:
                raise MoueError(f"input.{field.name} is {getattr(self, field.name)!r:.200}", repr(field.default), NEWER)
        if not checks.is_int(self.channels) or COLORS.get(str(self.color)) != self.channels:
            came = f"input.color is {self.color!r:.200} with {self.channels!r:.200} channels"
            raise MoueError(came, "gray with 1, or rgb with 3", FIX)
        checks.check_number("input.crop_margin", self.crop_margin, _MIN_MARGIN, _MAX_MARGIN)
        checks.check_number("input.crop_shift", self.crop_shift, -1, 1)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "pixel_range": list(self.pixel_range)}
