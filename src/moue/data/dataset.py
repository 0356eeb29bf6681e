"""`Dataset`: faces, labels and splits in memory, checked on creation."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from moue.errors import MoueError
from moue.labels import CLASS_NAMES, FERPLUS_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

Split = Literal["train", "val", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test")
ALL: Final = "all"
"""Instead of a split: all faces, whatever their split."""

IMAGE_SHAPE: Final = (48, 48, 1)
SPLIT_DTYPE: Final = "<U5"
_DTYPES: Final[dict[str, str]] = {"split": SPLIT_DTYPE, "rows": "int64"}


@dataclasses.dataclass(frozen=True)
class BadRow:
    """A row that was left out because its content is wrong.

    Attributes:
        row: Number of the data row, from 0 (the header does not count).
        reason: What came and what was expected.
    """

    row: int
    reason: str


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled 48x48 gray faces with their splits.

    Attributes:
        images: uint8 (N, 48, 48, 1), 0-255.
        labels: uint8 (N,), index into `class_names`.
        split: str (N,), values of `SPLITS`: "train", "val", "test".
        rows: int64 (N,), number of each data row in its source, from 0.
        votes: FER+ votes, uint8 (N, 10) in the order of `FERPLUS_NAMES`, or None.
        class_names: Names of the labels, in label order.
        source: Where the data came from, for messages and reports.
        split_rule: How `split` was determined, e.g. ``"Usage column"``.
        skipped: Rows left out by ``on_bad_row="skip"``.
        notes: What was assumed or left out when the data was read, in words.
        part_of: `checksum` of the whole data set if faces were left out of it, else empty.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    split: NDArray[np.str_]
    rows: NDArray[np.int64]
    votes: NDArray[np.uint8] | None = None
    class_names: tuple[str, ...] = CLASS_NAMES
    source: str = ""
    split_rule: str = "Usage column"
    skipped: tuple[BadRow, ...] = ()
    notes: tuple[str, ...] = ()
    part_of: str = ""

    def __post_init__(self) -> None:
        count = len(self.labels)
        expected: dict[str, tuple[int, ...]] = {
            "images": (count, *IMAGE_SHAPE),
            "labels": (count,),
            "split": (count,),
            "rows": (count,),
        }
        if self.votes is not None:
            expected["votes"] = (count, len(FERPLUS_NAMES))
        for name, shape in expected.items():
            array = getattr(self, name)
            dtype = np.dtype(_DTYPES.get(name, "uint8"))
            if array.shape != shape or array.dtype != dtype:
                raise MoueError(f"{name} is {array.dtype} {array.shape}", f"{dtype} {shape}")
        if count and int(self.labels.max()) >= len(self.class_names):
            raise MoueError(f"label {self.labels.max()}", f"0 to {len(self.class_names) - 1}")
        unknown = set(self.split.tolist()).difference(SPLITS)
        if unknown:
            raise MoueError(f"split {min(unknown)!r}", f"one of {', '.join(SPLITS)}")

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{split} {len(self.where(split))}" for split in SPLITS)
        return f"Dataset({len(self)} faces: {sizes}; {len(self.class_names)} classes)"

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of pixels, labels and splits in row order, 64 hexadecimal digits; every result states it."""
        digest = hashlib.sha256()
        for array in (self.images, self.labels, self.split):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @functools.cached_property
    def pixel_digests(self) -> NDArray[np.bytes_]:
        """BLAKE2b-128 of each image's pixels, bytes (N,) of 16 each: equal exactly if the images are equal."""
        digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in self.images]
        return np.frombuffer(b"".join(digests), dtype="V16")

    def where(self, split: str) -> NDArray[np.int64]:
        """Return the positions of one split, or of "all" faces, int64 (n,), in row order.

        Raises:
            MoueError: `split` is not "train", "val", "test" or "all".
        """
        if split == ALL:
            return np.arange(len(self), dtype=np.int64)
        if split not in SPLITS:
            raise MoueError(f"split {split!r}", f"one of {', '.join((*SPLITS, ALL))}")
        return np.flatnonzero(self.split == split)

    def take(self, index: NDArray[Any]) -> Dataset:
        """Return the faces at `index`: positions int (n,) or a mask bool (N,)."""
        return dataclasses.replace(
            self,
            images=self.images[index],
            labels=self.labels[index],
            split=self.split[index],
            rows=self.rows[index],
            votes=None if self.votes is None else self.votes[index],
        )

    def with_classes(self, class_names: tuple[str, ...]) -> Dataset:
        """Return the faces with their labels as indices into another list of classes, matched by name.

        Args:
            class_names: The classes of a model, for example.

        Raises:
            MoueError: a face has a class that is not in the list.
        """
        if class_names == self.class_names:
            return self
        used = [self.class_names[label] for label in np.unique(self.labels)]
        missing = [name for name in used if name not in class_names]
        if missing:
            raise MoueError(
                f"{self.source or 'the data'} has faces of the class {', '.join(missing)}",
                f"only {', '.join(class_names)}, the classes of the model",
                "Leave those faces out, or use a model that was trained on them.",
            )
        new_label = np.array([class_names.index(name) if name in used else 0 for name in self.class_names], np.uint8)
        return dataclasses.replace(self, labels=new_label[self.labels], class_names=class_names)

    def subset(self, split: str) -> Dataset:
        """Return the faces of one split: "train", "val", "test" or "all"."""
        return self.take(self.where(split))

    def one_hot(self) -> NDArray[np.float32]:
        """Return the labels as float32 (N, num_classes) with a single 1 in each row."""
        return np.eye(len(self.class_names), dtype=np.float32)[self.labels]

    def scaled(self) -> NDArray[np.float32]:
        """Return the images as float32 (N, 48, 48, 1) in 0-1.

        moue's own networks scale `images` themselves; this is for other networks.
        """
        return self.images.astype(np.float32) / np.float32(255.0)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of faces per split and class: ``counts()["train"]["happy"]``."""
        result: dict[str, dict[str, int]] = {}
        for split in SPLITS:
            numbers = np.bincount(self.labels[self.where(split)], minlength=len(self.class_names))
            result[split] = dict(zip(self.class_names, numbers.tolist(), strict=True))
        return result

    def has_twin(self, split: str = "test") -> NDArray[np.bool_]:
        """Return which faces of one split, bool (n,) as `where` orders them, also occur in training, pixel for pixel.

        FER2013's official split leaks: 288 of its 3,589 PrivateTest images are also in Training.

        Args:
            split: "test" or "val".
        """
        seen = set(self.pixel_digests[self.where("train")].tolist())
        digests = self.pixel_digests[self.where(split)].tolist()
        return np.array([digest in seen for digest in digests], dtype=np.bool_)

    def without_twins(self, split: str = "test") -> Dataset:
        """Return one split without the faces for which `has_twin` is true."""
        return self.take(self.where(split)[~self.has_twin(split)])


def refuse_no_dataset(value: object) -> None:
    """Raise `MoueError` if `value`, which a caller passed as data, is not a `Dataset` but a path, for example."""
    if not isinstance(value, Dataset):
        raise MoueError(
            f"the data is of type {type(value).__name__}", "a Dataset", "Read one: moue.load_dataset(path)."
        )
