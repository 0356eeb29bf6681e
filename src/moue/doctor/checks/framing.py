"""Whether faces are cropped as FER2013's are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from moue.doctor.findings import Finding, Level
from moue.faces.detectors.own import load_own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from moue.doctor.patient import Patient
    from moue.faces.face import Detector

USUAL: Final = 0.87
"""Square root of the box's area as a fraction of the image's side: the median over FER2013's PublicTest faces."""

_MOST: Final = 40
_LEAST: Final = 10
_SIDE: Final = 192
_BORDER: Final = 64
_FAR: Final = 1.25


def check(patient: Patient) -> Iterator[Finding]:
    """Detect the face in each image, and compare how much of the image it fills."""
    images = patient.faces
    if images is None or len(images) < _LEAST:
        return
    chosen = np.linspace(0, len(images) - 1, min(_MOST, len(images))).astype(int)
    detector = load_own()
    shares = [share for image in images[chosen] if (share := _share(image, detector)) is not None]
    if len(shares) < len(chosen) / 2:
        text = f"faces detected in {len(shares)} of {len(chosen)} images"
        fix = "Are they upright faces, from chin to hairline? For photos, use moue predict, which finds the faces."
        yield Finding("framing", Level.PROBLEM if not shares else Level.NOTE, text, fix, {"found": len(shares)})
        return
    share = float(np.median(shares))
    values = {"share": share, "usual": USUAL, "found": len(shares)}
    text = f"faces fill {share:.0%} of the image's side; FER2013's fill {USUAL:.0%}"
    if 1 / _FAR <= share / USUAL <= _FAR:
        yield Finding("framing", Level.OK, text, values=values)
        return
    wide = share < USUAL
    much = USUAL / share if wide else share / USUAL
    fix = f"They are cropped {much:.1f} times too {'wide' if wide else 'narrow'}."
    how = " Crop closer, or let moue find the faces: moue predict." if wide else " Leave more room around the face."
    yield Finding("framing", Level.PROBLEM, text, fix + how, values)


def _share(image: NDArray[np.uint8], detector: Detector) -> float | None:
    """Return the face's side as a fraction of the image's side, or None if no face is detected."""
    opened = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).convert("RGB")
    scale = _SIDE / max(opened.size)
    size = (max(1, round(opened.width * scale)), max(1, round(opened.height * scale)))
    large = np.asarray(opened.resize(size, Image.Resampling.BICUBIC))
    # Padding, because a tightly cropped face extends beyond the border.
    found = detector.detect(np.pad(large, ((_BORDER, _BORDER), (_BORDER, _BORDER), (0, 0)), mode="edge"))
    if not found:
        return None
    return float(np.sqrt(found[0].width * found[0].height) / max(size))
