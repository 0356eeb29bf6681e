"""The material of canvases: FER2013's training faces and photographs, all with boxes and landmarks.

The teacher YuNet finds the boxes and landmarks; its weights are not part of the product. One scene in five is held out
of training. The hash of its content decides, so the order of the folder does not matter.
"""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from PIL import Image

from moue.errors import MoueError
from moue.faces.boxes import overlap
from moue.faces.face import Face
from moue.files import read_json, replacing
from moue.progress import ignore_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset
    from moue.progress import Progress

    Found = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    """Boxes (M, 4), landmarks (M, 5, 2) and scores (M,) of the faces in one image, in its pixels."""
    Teacher = Callable[[NDArray[np.uint8]], Found]
    """Finds faces in uint8 (H, W, 3); the most confident first."""
    NotFaces = Mapping[str, NDArray[np.float32]]
    """Boxes (K, 4) of things that look like a face but are not, by `key_of` the photograph."""

_HELD_OUT: Final = 5
_WRONG: Final = 0.3  # intersection over union from which a box counts as one of `NotFaces`
# A 48-pixel face is enlarged to each first size in a canvas of the second; the more confident detection counts.
_ENLARGED: Final = ((128, 192), (96, 128))


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """A photograph and the faces that the teacher detects in it.

    Attributes:
        image: uint8 (H, W), 0-255.
        boxes: float32 (M, 4) x, y, width, height in pixels, including uncertain ones.
        landmarks: float32 (M, 5, 2).
        scores: float32 (M,), 0-1.
        held_out: Whether it is kept out of training.
        not_faces: float32 (K, 4), boxes that a detector may mistake for a face, such as that of an animal.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]
    held_out: bool
    not_faces: NDArray[np.float32] = dataclasses.field(default_factory=lambda: np.zeros((0, 4), np.float32))


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """Everything that canvases are made of.

    Attributes:
        faces: uint8 (N, 48, 48), faces that the teacher is confident of.
        boxes: float32 (N, 4) in pixels of the face image; they may extend beyond its border.
        landmarks: float32 (N, 5, 2), likewise.
        scenes: Photographs.
    """

    faces: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scenes: tuple[Scene, ...]

    def save(self, path: Path) -> None:
        """Write everything to one .npz file, which `load` reads."""
        counts = np.array([len(scene.boxes) for scene in self.scenes])
        no_boxes = np.zeros((0, 4), np.float32)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                faces=self.faces,
                boxes=self.boxes,
                landmarks=self.landmarks,
                sizes=np.array([scene.image.shape for scene in self.scenes]).reshape(-1, 2),
                pixels=np.concatenate([scene.image.ravel() for scene in self.scenes] or [np.zeros(0, np.uint8)]),
                counts=counts,
                scene_boxes=np.concatenate([scene.boxes for scene in self.scenes] or [no_boxes]),
                scene_landmarks=np.concatenate(
                    [scene.landmarks for scene in self.scenes] or [np.zeros((0, 5, 2), np.float32)]
                ),
                scene_scores=np.concatenate([scene.scores for scene in self.scenes] or [np.zeros(0, np.float32)]),
                held_out=np.array([scene.held_out for scene in self.scenes], bool),
                not_face_counts=np.array([len(scene.not_faces) for scene in self.scenes], np.int64),
                not_faces=np.concatenate([scene.not_faces for scene in self.scenes] or [no_boxes]),
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            MoueError: the file is missing or damaged.
        """
        try:
            with np.load(path) as stored:
                arrays = {name: stored[name] for name in stored.files}
            ends = np.cumsum(arrays["sizes"].prod(axis=1))
            pixels = np.split(arrays["pixels"], ends[:-1])
            parts = np.cumsum(arrays["counts"])[:-1]
            scenes = zip(
                (part.reshape(size) for part, size in zip(pixels, arrays["sizes"], strict=True)),
                np.split(arrays["scene_boxes"], parts),
                np.split(arrays["scene_landmarks"], parts),
                np.split(arrays["scene_scores"], parts),
                arrays["held_out"].tolist(),
                np.split(arrays["not_faces"], np.cumsum(arrays["not_face_counts"])[:-1]),
                strict=True,
            )
            return cls(arrays["faces"], arrays["boxes"], arrays["landmarks"], tuple(Scene(*one) for one in scenes))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise MoueError(f"{path} cannot be read: {error}", "labelled faces and scenes", "Make it again.") from error


def collect(
    dataset: Dataset,
    images: Sequence[bytes],
    teacher: Teacher,
    *,
    not_faces: NotFaces | None = None,
    min_score: float = 0.7,
    progress: Progress = ignore_progress,
) -> Material:
    """Label the training faces and photographs with the teacher.

    Args:
        dataset: Its training split is used.
        images: Contents of image files.
        teacher: Finds faces; its uncertain detections on photographs mark areas that training ignores.
        not_faces: Where the teacher is wrong on photographs.
        min_score: Training faces with a lower score are left out.
        progress: Called with the faces and images done, and all of them.
    """
    pixels = dataset.subset("train").images[..., 0]
    total = len(pixels) + len(images)
    sure, boxes, landmarks = [], [], []
    for number, face in enumerate(pixels):
        box, points, score = _best(face, teacher)
        if score >= min_score:
            sure.append(number)
            boxes.append(box)
            landmarks.append(points)
        progress(number + 1, total)
    scenes = []
    for number, content in enumerate(images):
        image = np.asarray(Image.open(BytesIO(content)).convert("L"))
        wrong = (not_faces or {}).get(key_of(content), np.zeros((0, 4), np.float32))
        found = _corrected(teacher(np.repeat(image[..., None], 3, axis=2)), wrong)
        scenes.append(Scene(image, *found, held_out=is_held_out(content), not_faces=wrong))
        progress(len(pixels) + number + 1, total)
    return Material(
        pixels[sure],
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(landmarks, np.float32).reshape(-1, 5, 2),
        tuple(scenes),
    )


def is_held_out(content: bytes) -> bool:
    """Return whether a photograph, given as the content of its file, is in the fifth that training never sees."""
    return hashlib.sha256(content).digest()[0] % _HELD_OUT == 0


def key_of(content: bytes) -> str:
    """Return the key of a photograph in a file of `read_not_faces`: 16 digits of its content's SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


def read_not_faces(path: Path) -> NotFaces:
    """Read where a teacher is wrong: a JSON object from `key_of` a photograph to boxes, x, y, width and height each.

    Raises:
        MoueError: the file cannot be read or holds something else.
    """
    content = read_json(path)
    try:
        return {str(key): np.array(boxes, np.float32).reshape(-1, 4) for key, boxes in content.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise MoueError(
            f"{path} holds no boxes ({error})", 'a JSON object like {"464449ecba30a5a5": [[10, 20, 30, 40]]}'
        ) from error


def read_scenes(archive: Path) -> list[bytes]:
    """Return the contents of all images in a zip archive, in the order of their names.

    Raises:
        MoueError: it is not a zip archive, or holds no image.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            names = sorted(name for name in opened.namelist() if name.lower().endswith((".jpg", ".jpeg", ".png")))
            contents = [opened.read(name) for name in names]
    except (OSError, zipfile.BadZipFile) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise MoueError(f"{archive} cannot be read: {why}", "a .zip archive of photographs") from error
    if not contents:
        raise MoueError(f"{archive} holds no .jpg or .png", "photographs with and without faces")
    return contents


def _corrected(found: Found, wrong: NDArray[np.float32]) -> Found:
    """Drop what the teacher detects where there is no face."""
    places = [Face(*box) for box in wrong.tolist()]
    kept = [not any(overlap(Face(*box), place)[0] > _WRONG for place in places) for box in found[0].tolist()]
    boxes, landmarks, scores = (part[np.array(kept, bool)] for part in found)
    return boxes, landmarks, scores


def _best(face: NDArray[np.uint8], teacher: Teacher) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Return box, landmarks and score of the face in a face image, in its pixels; score 0 if there is none."""
    best: tuple[NDArray[np.float32], NDArray[np.float32], float]
    best = np.zeros(4, np.float32), np.zeros((5, 2), np.float32), 0.0
    for side, canvas in _ENLARGED:
        enlarged = np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC))
        border = (canvas - side) // 2
        padded = np.pad(enlarged, border, mode="edge")
        boxes, landmarks, scores = teacher(np.repeat(padded[..., None], 3, axis=2))
        if len(scores) and scores[0] > best[2]:
            scale = face.shape[0] / side
            box = boxes[0] * scale
            box[:2] -= border * scale
            best = box, (landmarks[0] - border) * scale, float(scores[0])
    return best
