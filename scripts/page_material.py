"""Write the files of the package that the page's build needs: icons of the classes, drawn examples, the model.

    python scripts/page_material.py

Writes web/src/generated/faces.json, and files in web/public/; git ignores all of them.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from moue.classifier.locate import DEFAULT_MODEL
from moue.data.synthetic import features
from moue.data.synthetic.dataset import EXPRESSIONS
from moue.data.synthetic.draw import draw_features
from moue.data.synthetic.parts import Pen, Person, View
from moue.drawing.icons import FACES, UNKNOWN
from moue.page.built import put_in
from moue.page.model import PageModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.data.synthetic.parts import ActionUnits
    from moue.drawing.icons import Shape

_WEB: Final = Path(__file__).parents[1] / "web"
_CELL: Final = 48  # side of a face in pixels before enlarging, as in the synthetic data set
_ZOOM: Final = 11
_FINE: Final = 2
_PAPER: Final = 214.0
_STUDIO: Final = View(17.5, (0.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)

# File, tints for dark, middle and light, and for each person: seed, class, variant of the expression, roll and yaw.
_EXAMPLES: Final = (
    (
        "friends.jpg",
        ("#1f2a37", "#b0795a", "#f7ead9"),
        ((4, "happy", 1, -0.06, 0.1), (11, "surprise", 0, 0.03, -0.05), (23, "sad", 1, 0.08, -0.12)),
    ),
    ("laugh.jpg", ("#17302d", "#5f9b8d", "#eef5ee"), ((8, "happy", 2, 0.1, 0.05),)),
    ("fright.jpg", ("#2b2238", "#9a7fb0", "#f6eff7"), ((31, "surprise", 0, -0.04, 0.0),)),
)


def main() -> None:
    """Write all files."""
    generated, examples = _WEB / "src" / "generated", _WEB / "public" / "examples"
    for folder in (generated, examples):
        folder.mkdir(parents=True, exist_ok=True)
    faces = {"known": {name: _shapes(face) for name, face in FACES.items()}, "unknown": _shapes(UNKNOWN)}
    (generated / "faces.json").write_text(json.dumps(faces), encoding="utf-8")
    put_in(examples.parent, PageModel.load(DEFAULT_MODEL))
    for name, tints, people in _EXAMPLES:
        cells = [draw_person(seed, EXPRESSIONS[kind][way], roll, yaw) for seed, kind, way, roll, yaw in people]
        side, gap = cells[0].width, cells[0].width // 8
        size = gap + len(cells) * (side + gap), side + 2 * gap
        image = Image.new("L", size, round(_PAPER))
        for number, cell in enumerate(cells):
            image.paste(cell, (gap + number * (side + gap), 2 * gap))
        tinted = ImageOps.colorize(image, tints[0], tints[2], tints[1])
        tinted.save(examples / name, quality=88, optimize=True)


def _shapes(face: Sequence[Shape]) -> list[list[Any]]:
    return [[kind, [[round(float(x), 3), round(float(y), 3)] for x, y in points]] for kind, points in face]


def draw_person(seed: int, units: ActionUnits, roll: float, yaw: float) -> Image.Image:
    """Draw one person as in the synthetic data set, but large and without noise."""
    rng = np.random.default_rng(seed)
    person, view = Person.random(rng), dataclasses.replace(_STUDIO, roll=roll, yaw=yaw)
    zoom = _ZOOM * _FINE
    image = Image.new("L", (_CELL * zoom, _CELL * zoom), round(_PAPER))
    shade = Image.new("L", image.size, 128)
    draw_features(image, person, units, view, zoom)
    features.draw_shade(Pen(ImageDraw.Draw(shade), view, zoom), person, units)
    soft = shade.filter(ImageFilter.GaussianBlur(1.6 * zoom))
    drawn = np.asarray(image, np.float32)
    lit = np.clip(drawn * (1 + (np.asarray(soft, np.float32) - 128) / 128), 0, 255)
    # Light the person, not the background.
    small = Image.fromarray(np.where(drawn == round(_PAPER), drawn, lit).astype(np.uint8)).reduce(_FINE)
    return small.filter(ImageFilter.GaussianBlur(1.2))


if __name__ == "__main__":
    main()
