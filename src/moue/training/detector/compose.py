"""Training canvases: FER2013's faces pasted on photographs beside decoys, so that a seam is no clue to a face.

A canvas shows a part of a photograph at a random scale. If the photograph has no face, faces and decoys are pasted
with the same masks: soft ellipses, soft squares, hard squares. A decoy is a piece of another photograph, a scrambled
face, or an enlarged part of a face. If the photograph shows people, their own faces are the targets: real faces in
real surroundings. Areas where the teacher was unsure are ignored.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.training.detector.pieces import (
    crop,
    crop_of_face,
    degrade,
    find_place,
    log_uniform,
    mirror,
    paste,
    rotate,
    scramble,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from moue.training.detector.material import Material

STRIDE: Final = 8
"""Pixels of the canvas for each cell of the maps."""

SIZES: Final = (17.0, 60.0)
"""Smallest and largest face to detect: the square root of its box's area in pixels of the canvas."""

UNIT: Final = 32.0
"""Boxes and landmarks are learnt in units of this many pixels."""

CONFIDENT: Final = 0.7
"""Lowest score by the teacher of a face that counts on a photograph; areas of less certain faces are ignored."""

_CENTRE: Final = 0.16  # cells closer to the centre than this fraction of the face's size belong to the face
_RING: Final = 0.45  # and up to this fraction they are neither face nor background
_PEOPLE_SHARE: Final = 0.4
_FALSE_POSITIVES_SHARE: Final = 0.5


@dataclasses.dataclass(frozen=True)
class Target:
    """The maps that a network should predict for a batch of canvases; S = side / STRIDE.

    Attributes:
        centre: float32 (B, S, S, 1): 1 where a face has its centre, 0 on background, -1 for ignored cells.
        box: float32 (B, S, S, 4): from the centre of the cell to that of the face, x and y over UNIT; log of width and
            height over UNIT. Only where `centre` is 1.
        landmarks: float32 (B, S, S, 10): from the centre of the cell to each landmark, x and y over UNIT.
    """

    centre: NDArray[np.float32]
    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]


@dataclasses.dataclass
class _Placed:
    """Faces of one canvas: boxes (x, y, width, height), landmarks (5, 2), and whether each is a target."""

    boxes: list[NDArray[np.float64]] = dataclasses.field(default_factory=list)
    landmarks: list[NDArray[np.float64]] = dataclasses.field(default_factory=list)
    confident: list[bool] = dataclasses.field(default_factory=list)

    def add(self, box: NDArray[np.float64], landmarks: NDArray[np.float64], *, confident: bool) -> None:
        self.boxes.append(box)
        self.landmarks.append(landmarks)
        self.confident.append(confident)


class Composer:
    """Makes batches of canvases; a batch is a function of the seed and its number.

    Args:
        material: Faces and photographs; held-out photographs are not used.
        side: Width and height of a canvas in pixels, a multiple of `STRIDE`.
        seed: Seed of the canvases.
        false_positives: Scene number and box (x, y, width, height) of each false positive of an earlier network; half
            of the backgrounds show one.
    """

    def __init__(
        self,
        material: Material,
        *,
        side: int = 160,
        seed: int = 0,
        false_positives: Sequence[tuple[int, tuple[float, float, float, float]]] = (),
    ) -> None:
        training = [scene for scene in material.scenes if not scene.held_out]
        self._material = material
        self._false_positives = [(material.scenes[number], box) for number, box in false_positives]
        self._empty = [scene for scene in training if not len(scene.scores)]
        self._peopled = [scene for scene in training if (scene.scores >= CONFIDENT).any()]
        self._side = side
        self._seed = seed

    def batch(self, number: int, size: int) -> tuple[NDArray[np.uint8], Target]:
        """Return canvases uint8 (size, side, side, 1) and their targets."""
        canvases, placed = [], []
        for index in range(size):
            rng = np.random.default_rng((self._seed, number, index))
            canvas, faces = self._canvas(rng)
            canvases.append(canvas)
            placed.append(faces)
        return np.stack(canvases)[..., None], targets(placed, self._side)

    def _canvas(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], _Placed]:
        if self._peopled and rng.random() < _PEOPLE_SHARE:
            canvas, placed = self._people_canvas(rng)
        else:
            canvas, placed = self._pasted_canvas(rng)
        return degrade(canvas, rng), placed

    def _people_canvas(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], _Placed]:
        scene = self._peopled[rng.integers(len(self._peopled))]
        sizes = np.sqrt(scene.boxes[:, 2] * scene.boxes[:, 3])
        chosen = rng.choice(np.flatnonzero(scene.scores >= CONFIDENT))
        # A face on a photograph is enlarged only a little: real faces are not so blurred.
        wanted = min(log_uniform(rng, *SIZES), 1.5 * float(sizes[chosen]))
        scale = wanted / float(sizes[chosen])
        centre = scene.boxes[chosen, :2] + scene.boxes[chosen, 2:] / 2
        corner = centre * scale - rng.uniform(0.15, 0.85, 2) * self._side
        # Stay within the photograph if it is large enough, because a repeated border is no context.
        most = np.maximum(0, np.array(scene.image.shape[::-1]) * scale - self._side)
        corner = np.clip(corner, 0, most)
        canvas, left, top = crop(scene.image, scale, (float(corner[0]), float(corner[1])), self._side)
        placed = _Placed()
        flipped = rng.random() < 0.5
        for box, points, score in zip(scene.boxes, scene.landmarks, scene.scores, strict=True):
            moved = np.array([box[0] * scale - left, box[1] * scale - top, box[2] * scale, box[3] * scale])
            marks = points * scale - (left, top)
            if flipped:
                moved, marks = mirror(moved, marks, self._side)
            placed.add(moved, marks, confident=bool(score >= CONFIDENT))
        return canvas[:, ::-1] if flipped else canvas, placed

    def _pasted_canvas(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], _Placed]:
        canvas = self._background(rng)
        placed = _Placed()
        taken: list[NDArray[np.float64]] = []
        for _ in range(min(int(rng.poisson(1.6)), 6)):
            self._paste_face(canvas, placed, taken, rng)
        for _ in range(min(int(rng.poisson(1.6)), 6)):
            self._paste_decoy(canvas, taken, rng)
        return canvas, placed

    def _background(self, rng: np.random.Generator) -> NDArray[np.float32]:
        if self._false_positives and rng.random() < _FALSE_POSITIVES_SHARE:
            return self._false_positive(rng)
        scene = self._empty[rng.integers(len(self._empty))]
        height, width = scene.image.shape
        scale = log_uniform(rng, self._side / min(height, width), 2.0)
        slack = np.maximum(0, np.array([width, height]) * scale - self._side)
        canvas = crop(scene.image, scale, tuple(rng.uniform(0, 1, 2) * slack), self._side)[0]
        return np.ascontiguousarray(canvas[:, ::-1]) if rng.random() < 0.5 else canvas

    def _false_positive(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return the surroundings of a false positive of an earlier network, scaled to one of the `SIZES`."""
        scene, (x, y, width, height) = self._false_positives[rng.integers(len(self._false_positives))]
        scale = log_uniform(rng, *SIZES) / math.sqrt(width * height)
        corner = np.array([x + width / 2, y + height / 2]) * scale - rng.uniform(0.2, 0.8, 2) * self._side
        canvas = crop(scene.image, scale, (float(corner[0]), float(corner[1])), self._side)[0]
        return np.ascontiguousarray(canvas[:, ::-1]) if rng.random() < 0.5 else canvas

    def _paste_face(
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
            box, points = mirror(box, points, face.shape[1])
        scale = log_uniform(rng, *SIZES) / math.sqrt(box[2] * box[3])
        if not find_place(taken, face.shape[0] * scale, self._side, rng):
            return
        centre = taken[-1][:2] + taken[-1][2:] / 2
        angle = math.radians(float(np.clip(rng.normal(0, 12), -35, 35)))
        paste(canvas, face, scale, angle, centre, rng)
        rotated = rotate(points - face.shape[0] / 2, angle) * scale + centre
        middle = rotate(box[None, :2] + box[None, 2:] / 2 - face.shape[0] / 2, angle)[0] * scale + centre
        size = box[2:] * scale
        placed.add(np.concatenate([middle - size / 2, size]), rotated, confident=True)

    def _paste_decoy(
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
            piece = scramble(face, rng) if kind < 0.8 else crop_of_face(face, rng)
        if min(piece.shape) < side // 2:
            return
        scale = log_uniform(rng, 0.9 * SIZES[0], 1.2 * SIZES[1]) / side
        if find_place(taken, side * scale, self._side, rng):
            centre = taken[-1][:2] + taken[-1][2:] / 2
            paste(canvas, piece, scale, math.radians(float(rng.normal(0, 12))), centre, rng)


def targets(placed: list[_Placed], side: int) -> Target:
    """Return the maps for the faces of a batch of canvases of `side` pixels."""
    cells = side // STRIDE
    middles = (np.arange(cells) + 0.5) * STRIDE
    across, down = np.meshgrid(middles, middles)
    centre = np.zeros((len(placed), cells, cells, 1), np.float32)
    box = np.zeros((len(placed), cells, cells, 4), np.float32)
    landmarks = np.zeros((len(placed), cells, cells, 10), np.float32)
    for index, faces in enumerate(placed):
        # The largest first, so that a small face in front of a large one keeps its cells.
        for number in sorted(range(len(faces.boxes)), key=lambda k: -float(faces.boxes[k][2])):
            x, y, width, height = faces.boxes[number]
            size = math.sqrt(width * height)
            dx, dy = x + width / 2 - across, y + height / 2 - down
            distance = np.hypot(dx, dy)
            own = distance <= max(_CENTRE * size, 0.71 * STRIDE)
            if not faces.confident[number] or not SIZES[0] <= size <= SIZES[1]:
                # If the teacher is unsure, or another scale detects this size, the whole face is ignored.
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
