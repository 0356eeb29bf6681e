"""What is examined: a model, and faces with or without labels."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.locate import DEFAULT_MODEL
from moue.data.dataset import Dataset
from moue.data.load import load_dataset
from moue.doctor.arrays import Repaired, looks_bgr, repair
from moue.doctor.judge import Judge
from moue.doctor.turn import find_turn
from moue.errors import MoueError
from moue.labels import CLASS_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from moue.doctor.turn import Turn

MAX_FACES: Final = 600
"""Enough for every check; more would only take longer."""

_ARRAYS: Final = (".npy", ".npz")
_IMAGES: Final = ("images", "x", "X", "faces", "arr_0")
_LABELS: Final = ("labels", "y", "arr_1")


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Faces as the user passed them.

    Attributes:
        images: An array of any shape and type; the checks look for what is wrong with it.
        labels: Integer (N,), or None.
        class_names: The classes of the labels.
        source: Where the faces came from.
    """

    images: NDArray[Any]
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = CLASS_NAMES
    source: str = "the arrays"

    def take(self, index: NDArray[np.int64]) -> Samples:
        """Return the faces at `index`."""
        labels = None if self.labels is None else self.labels[index]
        return dataclasses.replace(self, images=self.images[index], labels=labels)


@dataclasses.dataclass(frozen=True, eq=False)
class Patient:
    """What the checks examine.

    Attributes:
        model: As for `Classifier.load`, or a `Classifier`.
        samples: Faces to test it on, or None.
    """

    model: str | Path | Classifier = DEFAULT_MODEL
    samples: Samples | None = None

    @functools.cached_property
    def classifier(self) -> Classifier:
        """The model.

        Raises:
            MoueError: it cannot be loaded.
        """
        return self.model if isinstance(self.model, Classifier) else Classifier.load(self.model)

    @functools.cached_property
    def repaired(self) -> Repaired:
        """The faces after repairing their type, range and layout; colours are RGB."""
        if self.samples is None:
            return Repaired(None, ())
        repaired = repair(self.samples.images)
        if repaired.images is not None and looks_bgr(repaired.images):
            return dataclasses.replace(repaired, images=np.ascontiguousarray(repaired.images[..., ::-1]))
        return repaired

    @functools.cached_property
    def judge(self) -> Judge:
        """Scores the model's predictions for the faces."""
        labels, names = (None, CLASS_NAMES) if self.samples is None else (self.samples.labels, self.samples.class_names)
        return Judge(self.classifier, labels, names)

    @functools.cached_property
    def turn(self) -> Turn | None:
        """The orientation of the faces; None if it cannot be determined."""
        return None if self.repaired.images is None else find_turn(self.judge, self.repaired.images)

    @functools.cached_property
    def faces(self) -> NDArray[np.uint8] | None:
        """The faces, uint8 (N, H, W, 1 or 3), after all possible repairs."""
        if self.repaired.images is None or self.turn is None:
            return self.repaired.images
        return self.turn.back(self.repaired.images)

    @property
    def is_default(self) -> bool:
        """Whether the model is the default one."""
        return self.model == DEFAULT_MODEL

    @property
    def name(self) -> str:
        """The model's name for messages."""
        return str(self.model.path if isinstance(self.model, Classifier) else self.model)


def read_samples(
    data: object,
    *,
    class_names: Sequence[str] = (),
    on_bytes: Callable[[int], None] | None = None,
) -> Samples:
    """Return faces to test a model on.

    Args:
        data: A path of ``.npy``, of ``.npz`` with "images" and perhaps "labels", or of what `load_dataset` reads; a
            `Dataset`; an array; or a pair (images, labels).
        class_names: As for `load_dataset`; for arrays, the classes of the labels' numbers.
        on_bytes: As for `load_dataset`.

    Raises:
        MoueError: it is none of these, or cannot be read.
    """
    if isinstance(data, str | Path):
        path = Path(data)
        if path.suffix.lower() in _ARRAYS:
            return _from_file(path, tuple(class_names) or CLASS_NAMES)
        data = load_dataset(path, class_names=class_names, on_bytes=on_bytes)
    if isinstance(data, Dataset):
        return _from_dataset(data)
    if isinstance(data, np.ndarray):
        return _sampled(Samples(data, None, tuple(class_names) or CLASS_NAMES))
    if isinstance(data, tuple) and len(data) == 2:
        return _sampled(_paired(np.asarray(data[0]), np.asarray(data[1]), tuple(class_names) or CLASS_NAMES))
    raise MoueError(f"the data is of type {type(data).__name__}", "a path, a Dataset, an array or (images, labels)")


def _from_dataset(dataset: Dataset) -> Samples:
    # Not the test split if there is another: looking at it would influence choices.
    split = next((name for name in ("val", "train", "test") if len(dataset.where(name))), None)
    if split is None:
        raise MoueError(f"{dataset.source or 'the data'} holds no face", "labelled faces")
    part = dataset.subset(split)
    where = f"{Path(dataset.source).name or 'the data'} ({split})"
    return _sampled(Samples(part.images, part.labels.astype(np.int64), dataset.class_names, where))


def _from_file(path: Path, class_names: tuple[str, ...]) -> Samples:
    try:
        content = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise MoueError(f"cannot read {path}: {why}", "an array as numpy.save or numpy.savez writes it") from error
    if isinstance(content, np.ndarray):
        return _sampled(Samples(content, None, class_names, path.name))
    with content:
        images = next((content[name] for name in _IMAGES if name in content), None)
        labels = next((content[name] for name in _LABELS if name in content), None)
    if images is None:
        raise MoueError(f"{path} holds {', '.join(content.files)}", "an array called images, and perhaps labels")
    samples = Samples(images, None, class_names) if labels is None else _paired(images, labels, class_names)
    return _sampled(dataclasses.replace(samples, source=path.name))


def _paired(images: NDArray[Any], labels: NDArray[Any], class_names: tuple[str, ...]) -> Samples:
    if labels.dtype.kind in "US":
        names = [str(name) for name in labels.tolist()]
        unknown = sorted({*names} - {*class_names})
        if unknown:
            raise MoueError(f"the labels name {', '.join(unknown):.200}", f"names among {', '.join(class_names)}")
        labels = np.array([class_names.index(name) for name in names])
    fits = labels.shape == images.shape[:1] and labels.dtype.kind in "iu"
    if not fits or (labels.size and not 0 <= labels.min() <= labels.max() < len(class_names)):
        wanted = f"one whole number from 0 to {len(class_names) - 1} for each of the {len(images)} images"
        raise MoueError(f"the labels are {labels.dtype} {labels.shape}", wanted)
    return Samples(images, labels.astype(np.int64), class_names)


def _sampled(samples: Samples) -> Samples:
    """Return at most `MAX_FACES` of them: a random sample with a fixed seed."""
    number = len(samples.images) if samples.images.ndim else 0
    if not number:
        raise MoueError(f"{samples.source} holds no image", "faces")
    if number <= MAX_FACES:
        return samples
    chosen = np.random.default_rng(0).choice(number, MAX_FACES, replace=False)
    return samples.take(np.sort(chosen))
