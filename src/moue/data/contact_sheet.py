"""An image with some faces of each class, for a quick look at a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from moue.data.dataset import IMAGE_SHAPE
from moue.errors import MoueError

if TYPE_CHECKING:
    from moue.data.dataset import Dataset

_PAPER: Final = 255
_INK: Final = 20
_FAINT: Final = 120


def contact_sheet(dataset: Dataset, per_class: int = 8, scale: int = 2, seed: int = 0) -> Image.Image:
    """Show some faces of each class: one row per class, with its name and count on the left.

    Args:
        dataset: The faces.
        per_class: Faces in a row, chosen at random; a class with fewer leaves its row partly empty.
        scale: Enlargement of the faces, 1 or more.
        seed: Seed of the random choice, 0 or more.

    Returns:
        A gray image, mode "L".

    Raises:
        MoueError: `per_class` or `scale` is below 1, or `seed` below 0.
    """
    for name, value, least in (("per_class", per_class, 1), ("scale", scale, 1), ("seed", seed, 0)):
        if value < least:
            raise MoueError(f"{name} is {value}", f"{least} or more")
    side = IMAGE_SHAPE[0] * scale
    gap = 2 * scale
    large, small = ImageFont.load_default(9 * scale), ImageFont.load_default(6 * scale)
    left = 2 * gap + round(max(large.getlength(name) for name in dataset.class_names) + 2 * gap)
    size = (left + per_class * (side + gap), gap + len(dataset.class_names) * (side + gap))
    sheet = Image.new("L", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    rng = np.random.default_rng(seed)
    for label, name in enumerate(dataset.class_names):
        top = gap + label * (side + gap)
        faces = np.flatnonzero(dataset.labels == label)
        draw.text((2 * gap, top + side // 2), name, fill=_INK, font=large, anchor="ls")
        draw.text((2 * gap, top + side // 2 + gap), f"{len(faces):,}", fill=_FAINT, font=small, anchor="lt")
        chosen = rng.choice(faces, min(per_class, len(faces)), replace=False)
        for column, index in enumerate(np.sort(chosen)):
            face = Image.fromarray(dataset.images[index, :, :, 0])
            sheet.paste(face.resize((side, side), Image.Resampling.BICUBIC), (left + column * (side + gap), top))
    return sheet
