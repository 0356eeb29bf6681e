"""Canvases: FER2013's faces laid on photographs, beside decoys, so that a seam means nothing.

A canvas shows a part of a photograph at a random scale. On a photograph without any face, faces and decoys are laid
with the same masks: soft ellipses, soft squares, hard squares. A decoy is a piece of another photograph, a scrambled
face, or a part of a face much enlarged. On a photograph of people their own faces are the targets: real context around
real faces. Areas where the teacher was in doubt count for nothing.
"""

from __future__ import annotations

import dataclasses
import math
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from moue.training.detector.material import Material

STRIDE: Final = 8
"""Pixels of the canvas for each cell of the maps."""

SIZES: Final = (17.0, 60.0)
"""Smallest and largest face to be found: the square root of its box's area in pixels of the canvas."""

UNIT: Final = 32.0
"""Boxes and landmarks are learnt in units of this many pixels."""

_SURE: Final = 0.7  # the teacher's score from which a face of a photograph is a target; below, its area is ignored
_CENTRE: Final = 0.16  # cells nearer to the centre than this part of the face's size are its own
_RING: Final = 0.45  # and up to this part they are neither face nor background
_PEOPLE_SHARE: Final = 0.4
_MISTAKES_SHARE: Final = 0.5
_MOST_OVERLAP: Final = 0.15


@dataclasses.dataclass(frozen=True)
class Target:
    """What a network shall say of a batch of canvases; S = side / STRIDE.

    Attributes:
        centre: float32 (B, S, S, 1): 1 where a face has its centre, 0 on background, -1 where nothing is asked.
        box: float32 (B, S, S, 4): from the cell's middle to the face's, x and y over UNIT; log of width and height
            over UNIT. Only where `centre` is 1.
        landmarks: float32 (B, S, S, 10): from the cell's middle to each landmark, x and y over UNIT.
    """

    centre: NDArray[np.float32]
    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]


@dataclasses.dataclass
class _Placed:
    """Faces of one canvas: boxes (x, y, width, height), landmarks (5, 2), and whether each is a target."""

    boxes: list[NDArray[np.float64]] = dataclasses.field(default_factory=list)
    landmarks: list[NDArray[np.float64]] = dataclasses.field(default_factory=list)
    sure: list[bool] = dataclasses.field(default_factory=list)

    def add(self, box: NDArray[np.float64], landmarks: NDArray[np.float64], *, sure: bool) -> None:
        self.boxes.append(box)
        self.landmarks.append(landmarks)
        self.sure.append(sure)


class Composer:
    """Makes batches of canvases; a batch is a function of the seed and its number.

    Args:
        material: Faces and photographs; those held out are not used.
        side: Width and height of a canvas in pixels, a multiple of `STRIDE`.
        seed: Which canvases.
        mistakes: Boxes (x, y, width, height) that an earlier network took for faces, by the number of their scene;
            they come to lie on half of the backgrounds.
    """

    def __init__(
        self,
        material: Material,
        *,
        side: int = 160,
        seed: int = 0,
        mistakes: Sequence[tuple[int, tuple[float, float, float, float]]] = (),
    ) -> None:
        training = [scene for scene in material.scenes if not scene.held_out]
        self._material = material
        self._mistakes = [(material.scenes[number], box) for number, box in mistakes]
        self._empty = [scene for scene in training if not len(scene.scores)]
        self._peopled = [scene for scene in training if (scene.scores >= _SURE).any()]
        self._side = side
        self._seed = seed

    def batch(self, number: int, size: int) -> tuple[NDArray[np.uint8], Target]:
        """Return canvases uint8 (size, side, side, 1) and what is asked of them."""
        canvases, placed = [], []
        for index in range(size):
            rng = np.random.default_rng((self._seed, number, index))
            canvas, faces = self._canvas(rng)
            canvases.append(canvas)
            placed.append(faces)
        return np.stack(canvases)[..., None], targets(placed, self._side)

    def _canvas(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], _Placed]:
        if self._peopled and rng.random() < _PEOPLE_SHARE:
            canvas, placed = self._people(rng)
        else:
            canvas, placed = self._laid(rng)
        return _developed(canvas, rng), placed

    def _people(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], _Placed]:
        scene = self._peopled[rng.integers(len(self._peopled))]
        sizes = np.sqrt(scene.boxes[:, 2] * scene.boxes[:, 3])
        chosen = rng.choice(np.flatnonzero(scene.scores >= _SURE))
        # A face of the photograph is enlarged a little at most: it would be a blur that real faces are not.
        wanted = min(_log_uniform(rng, *SIZES), 1.5 * float(sizes[chosen]))
        scale = wanted / float(sizes[chosen])
        centre = scene.boxes[chosen, :2] + scene.boxes[chosen, 2:] / 2
        corner = centre * scale - rng.uniform(0.15, 0.85, 2) * self._side
        # Within the photograph where it is large enough: its border, repeated, is no context.
        most = np.maximum(0, np.array(scene.image.shape[::-1]) * scale - self._side)
        corner = np.clip(corner, 0, most)
        canvas, left, top = _part(scene.image, scale, (float(corner[0]), float(corner[1])), self._side)
        placed = _Placed()
        flipped = rng.random() < 0.5
        for box, points, score in zip(scene.boxes, scene.landmarks, scene.scores, strict=True):
            moved = np.array([box[0] * scale - left, box[1] * scale - top, box[2] * scale, box[3] * scale])
            marks = points * scale - (left, top)
            if flipped:
                moved, marks = _mirrored(moved, marks, self._side)
            placed.add(moved, marks, sure=bool(score >= _SURE))
        return canvas[:, ::-1] if flipped else canvas, placed

    def _laid(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], _Placed]:
        canvas = self._background(rng)
        placed = _Placed()
        taken: list[NDArray[np.float64]] = []
        for _ in range(min(int(rng.poisson(1.6)), 6)):
            self._lay_face(canvas, placed, taken, rng)
        for _ in range(min(int(rng.poisson(1.6)), 6)):
            self._lay_decoy(canvas, taken, rng)
        return canvas, placed

    def _background(self, rng: np.random.Generator) -> NDArray[np.float32]:
        if self._mistakes and rng.random() < _MISTAKES_SHARE:
            return self._mistake(rng)
        scene = self._empty[rng.integers(len(self._empty))]
        height, width = scene.image.shape
        scale = _log_uniform(rng, self._side / min(height, width), 2.0)
        slack = np.maximum(0, np.array([width, height]) * scale - self._side)
        canvas = _part(scene.image, scale, tuple(rng.uniform(0, 1, 2) * slack), self._side)[0]
        return np.ascontiguousarray(canvas[:, ::-1]) if rng.random() < 0.5 else canvas

    def _mistake(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return the surroundings of what an earlier network took for a face, at a size at which it would look."""
        scene, (x, y, width, height) = self._mistakes[rng.integers(len(self._mistakes))]
        scale = _log_uniform(rng, *SIZES) / math.sqrt(width * height)
        corner = np.array([x + width / 2, y + height / 2]) * scale - rng.uniform(0.2, 0.8, 2) * self._side
        canvas = _part(scene.image, scale, (float(corner[0]), float(corner[1])), self._side)[0]
        return np.ascontiguousarray(canvas[:, ::-1]) if rng.random() < 0.5 else canvas

    def _lay_face(
        self, canvas: NDArray[np.float32], placed: _Placed, taken: list[NDArray[np.float64]], rng: np.random.Generator
    ) -> None:
        number = rng.integers(len(self._material.faces))
        face, box, points = (
            self._material.faces[number],
            self._material.boxes[number].astype(np.float64),
            self._material.landmarks[number].astype(np.float64),
        )
        if rng.random() < 0.5:
            face = face[:, ::-1]
            box, points = _mirrored(box, points, face.shape[1])
        scale = _log_uniform(rng, *SIZES) / math.sqrt(box[2] * box[3])
        if not _find_place(taken, face.shape[0] * scale, self._side, rng):
            return
        centre = taken[-1][:2] + taken[-1][2:] / 2
        angle = math.radians(float(np.clip(rng.normal(0, 12), -35, 35)))
        _lay(canvas, face, scale, angle, centre, rng)
        turned = _turn(points - face.shape[0] / 2, angle) * scale + centre
        middle = _turn(box[None, :2] + box[None, 2:] / 2 - face.shape[0] / 2, angle)[0] * scale + centre
        size = box[2:] * scale
        placed.add(np.concatenate([middle - size / 2, size]), turned, sure=True)

    def _lay_decoy(
        self, canvas: NDArray[np.float32], taken: list[NDArray[np.float64]], rng: np.random.Generator
    ) -> None:
        side = self._material.faces.shape[1]
        kind = rng.random()
        if kind < 0.5:
            scene = self._empty[rng.integers(len(self._empty))]
            top, left = (int(rng.integers(max(1, length - side))) for length in scene.image.shape)
            piece = scene.image[top : top + side, left : left + side]
        else:
            face = self._material.faces[rng.integers(len(self._material.faces))]
            piece = _scrambled(face, rng) if kind < 0.8 else _part_of_face(face, rng)
        if min(piece.shape) < side // 2:
            return
        scale = _log_uniform(rng, 0.9 * SIZES[0], 1.2 * SIZES[1]) / side
        if _find_place(taken, side * scale, self._side, rng):
            centre = taken[-1][:2] + taken[-1][2:] / 2
            _lay(canvas, piece, scale, math.radians(float(rng.normal(0, 12))), centre, rng)


def targets(placed: list[_Placed], side: int) -> Target:
    """Return the maps for the faces of a batch of canvases of `side` pixels."""
    cells = side // STRIDE
    middles = (np.arange(cells) + 0.5) * STRIDE
    across, down = np.meshgrid(middles, middles)
    centre = np.zeros((len(placed), cells, cells, 1), np.float32)
    box = np.zeros((len(placed), cells, cells, 4), np.float32)
    landmarks = np.zeros((len(placed), cells, cells, 10), np.float32)
    for index, faces in enumerate(placed):
        # The largest first, so that a small face before a large one keeps its cells.
        for number in sorted(range(len(faces.boxes)), key=lambda k: -float(faces.boxes[k][2])):
            x, y, width, height = faces.boxes[number]
            size = math.sqrt(width * height)
            dx, dy = x + width / 2 - across, y + height / 2 - down
            distance = np.hypot(dx, dy)
            own = distance <= max(_CENTRE * size, 0.71 * STRIDE)
            if not faces.sure[number] or not SIZES[0] <= size <= SIZES[1]:
                # Where the teacher is in doubt, or the size is another scale's task, the whole face counts for nothing.
                centre[index, distance <= 0.6 * size + STRIDE] = -1
                continue
            ring = (distance <= _RING * size + STRIDE / 2) & (centre[index, ..., 0] != 1)
            centre[index, ring] = -1
            centre[index, own] = 1
            sizes = np.log(np.array([width, height]) / UNIT)
            box[index, own] = np.column_stack([dx[own] / UNIT, dy[own] / UNIT, np.tile(sizes, (int(own.sum()), 1))])
            points = faces.landmarks[number]
            offsets = np.stack([points[:, 0] - across[own][:, None], points[:, 1] - down[own][:, None]], axis=2)
            landmarks[index, own] = offsets.reshape(-1, 10) / UNIT
    return Target(centre, box, landmarks)


def _part(
    image: NDArray[np.uint8], scale: float, corner: tuple[float, float], side: int
) -> tuple[NDArray[np.float32], float, float]:
    """Return float32 (side, side) of an image seen at `scale` from `corner` (x, y) on, its border repeated."""
    left, top = float(corner[0]), float(corner[1])
    x0, y0 = math.floor(left / scale), math.floor(top / scale)
    x1, y1 = math.ceil((left + side) / scale) + 1, math.ceil((top + side) / scale) + 1
    rows = np.clip(np.arange(y0, y1), 0, image.shape[0] - 1)
    columns = np.clip(np.arange(x0, x1), 0, image.shape[1] - 1)
    cut = Image.fromarray(image[rows[:, None], columns])
    box = (left / scale - x0, top / scale - y0, (left + side) / scale - x0, (top + side) / scale - y0)
    return np.asarray(cut.resize((side, side), Image.Resampling.BILINEAR, box=box), np.float32), left, top


def _lay(
    canvas: NDArray[np.float32],
    piece: NDArray[np.uint8],
    scale: float,
    angle: float,
    centre: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Lay a piece on a canvas, in place, turned and through a mask; its light is brought near to its surroundings'."""
    size = max(4, round(piece.shape[0] * scale))
    image = Image.fromarray(np.ascontiguousarray(piece)).resize((size, size), Image.Resampling.BILINEAR)
    mask = Image.fromarray((255 * _mask(size, rng)).astype(np.uint8))
    degrees = -math.degrees(angle)
    pixels = np.asarray(image.rotate(degrees, Image.Resampling.BILINEAR, expand=True), np.float32)
    weight = np.asarray(mask.rotate(degrees, Image.Resampling.BILINEAR, expand=True), np.float32) / 255
    height, width = pixels.shape
    left, top = round(float(centre[0]) - width / 2), round(float(centre[1]) - height / 2)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(canvas.shape[1], left + width), min(canvas.shape[0], top + height)
    if x0 >= x1 or y0 >= y1:
        return
    inside = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    below = canvas[y0:y1, x0:x1]
    pixels, weight = pixels[inside], weight[inside]
    # Between its own light and that of what it lies on, for two thirds of the pieces; the others stay as they are.
    if rng.random() < 0.67:
        towards = rng.random()
        gain = (below.std() + 12) / (pixels.std() + 12)
        matched = (pixels - pixels.mean()) * np.clip(gain, 0.5, 1.5) + below.mean()
        pixels = np.clip((1 - towards) * pixels + towards * matched, 0, 255)
    canvas[y0:y1, x0:x1] = below * (1 - weight) + pixels * weight


def _mask(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return weights (size, size), 0-1: a soft ellipse, a soft square or a hard square."""
    across = np.abs(np.linspace(-1, 1, size))
    kind = rng.random()
    if kind < 0.55:
        width, soft = rng.uniform(0.8, 1.25), rng.uniform(0.05, 0.35)
        distance = np.hypot(across[None] / width, across[:, None] / rng.uniform(0.95, 1.3))
        return np.clip((1 - distance) / soft, 0, 1)
    if kind < 0.85:
        soft = rng.uniform(0.05, 0.3)
        edge = np.clip((1 - across) / soft, 0, 1)
        return np.minimum(edge[None], edge[:, None])
    return np.ones((size, size))


def _scrambled(face: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a face cut into tiles that changed places, some of them turned."""
    count = int(rng.integers(2, 5))
    step = face.shape[0] // count
    places = [(row, column) for row in range(count) for column in range(count)]
    result = face.copy()
    for (row, column), other in zip(places, rng.permutation(len(places)), strict=True):
        tile = face[places[other][0] * step :, places[other][1] * step :][:step, :step]
        result[row * step : (row + 1) * step, column * step : (column + 1) * step] = np.rot90(
            tile, int(rng.integers(4))
        )
    return result


def _part_of_face(face: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a part of a face, enlarged to the face's size: an eye is no face."""
    side = int(face.shape[0] * rng.uniform(0.3, 0.5))
    top, left = rng.integers(face.shape[0] - side, size=2)
    part = Image.fromarray(np.ascontiguousarray(face[top : top + side, left : left + side]))
    return np.asarray(part.resize(face.shape[::-1], Image.Resampling.BICUBIC))


def _find_place(taken: list[NDArray[np.float64]], size: float, side: int, rng: np.random.Generator) -> bool:
    """Add a square (x, y, size, size) that overlaps the others little; a part of it may be outside the canvas."""
    for _ in range(8):
        corner = rng.uniform(-0.3 * size, side - 0.7 * size, 2)
        shared = (
            np.prod(np.clip(np.minimum(corner + size, other[:2] + other[2:]) - np.maximum(corner, other[:2]), 0, None))
            / min(size, float(other[2])) ** 2
            for other in taken
        )
        if all(part <= _MOST_OVERLAP for part in shared):
            taken.append(np.array([*corner, size, size]))
            return True
    return False


def _developed(canvas: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return uint8 pixels after a random gray curve, blur, noise and JPEG compression."""
    pixels: NDArray[np.floating] = np.clip(canvas, 0, 255)
    if rng.random() < 0.7:
        pixels = 255 * (pixels / 255) ** float(np.exp(rng.normal(0, 0.35)))
        pixels = (pixels - 127.5) * float(rng.uniform(0.5, 1.15)) + 127.5 + float(rng.uniform(-35, 35))
    if rng.random() < 0.25:
        blurred = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        pixels = np.asarray(blurred.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.2)))), np.float32)
    if rng.random() < 0.3:
        pixels = pixels + rng.normal(0, float(rng.uniform(1, 10)), pixels.shape)
    result: NDArray[np.uint8] = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        stored = BytesIO()
        Image.fromarray(result).save(stored, "JPEG", quality=int(rng.integers(30, 90)))
        result = np.asarray(Image.open(stored))
    return result


def _mirrored(
    box: NDArray[np.floating], points: NDArray[np.floating], width: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return box and landmarks in the mirrored image; right and left change names."""
    moved = np.array([width - box[0] - box[2], *box[1:]], np.float64)
    marks = np.column_stack([width - points[:, 0], points[:, 1]])[[1, 0, 2, 4, 3]]
    return moved, marks


def _turn(points: NDArray[np.floating], angle: float) -> NDArray[np.float64]:
    """Return points (N, 2) turned clockwise on the screen around (0, 0)."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.column_stack([points[:, 0] * cos - points[:, 1] * sin, points[:, 0] * sin + points[:, 1] * cos])


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(math.exp(rng.uniform(math.log(low), math.log(high)))) if high > low else low
