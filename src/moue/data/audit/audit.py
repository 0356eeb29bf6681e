"""Auditing a data set before trusting it: counts, duplicates, label conflicts, empty images, FER+ findings."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from moue.data.audit.duplicates import NEAR_THRESHOLD, exact_groups, near_pairs
from moue.data.audit.votes import NOT_FACE_RULE, STRONG_VOTES, VoteAudit, audit_votes
from moue.data.dataset import SPLITS, refuse_no_dataset
from moue.files import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.data.audit.duplicates import Groups, NearPairs
    from moue.data.dataset import Dataset

EMPTY_STD: Final = 5.0
EMPTY_FRACTION: Final = 0.6
EMPTY_RULE: Final = (
    f"the gray values (0-255) have a standard deviation below {EMPTY_STD:g}, or at least {EMPTY_FRACTION:.0%} of the "
    "pixels have the same value"
)
"""In FER2013 this finds exactly the plain images without a face; the darkest face has a deviation of 9."""
NEAR_RULE: Final = (
    f"the 48x48 gray values correlate by {NEAR_THRESHOLD:g} or more, straight or mirrored, without being equal"
)


class Finding(NamedTuple):
    """One line of the table.

    Attributes:
        name: What was looked for.
        number: How many were found.
        detail: Further explanation.
    """

    name: str
    number: int
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class TwinCount:
    """How many images of one split have a twin in another split, or a second copy in the same split.

    Attributes:
        split: The split whose images are counted.
        other: Where their twins are.
        exact: Images with a twin of equal pixels in `other`.
        same_label: How many of `exact` have such a twin with the same label.
        near: Images with a near-duplicate in `other` but no exact twin there.
    """

    split: str
    other: str
    exact: int
    same_label: int
    near: int


@dataclasses.dataclass(frozen=True)
class NearPair:
    """Two rows whose images are almost the same; for exact copies, only the first row is given.

    Attributes:
        row: Row number of the first image.
        other: Row number of the second, later image.
        correlation: The pixels' correlation, up to 1.
        mirrored: Whether one is the mirror image of the other.
    """

    row: int
    other: int
    correlation: float
    mirrored: bool


@dataclasses.dataclass(frozen=True)
class Audit:
    """What an audit found; faces are given by their row numbers in the source, from 0.

    Attributes:
        source: Where the data came from.
        checksum: `Dataset.checksum` of the data.
        counts: Faces per split and class.
        num_pictures: How many different images there are.
        twins: For each pair of splits, and each split with itself, how many images have twins.
        twin_groups: Rows of each image that occurs more than once, pixel for pixel.
        conflicts: The `twin_groups` whose rows have different labels.
        near: Near-duplicates among the different images, most similar first.
        near_complete: False if there were too many near-duplicates to list them all.
        constant: Rows of images with only one gray value.
        almost_empty: Rows of other images that show almost nothing, by `EMPTY_RULE`.
        votes: Findings from the FER+ votes, or None.
    """

    source: str
    checksum: str
    counts: dict[str, dict[str, int]]
    num_pictures: int
    twins: tuple[TwinCount, ...]
    twin_groups: tuple[tuple[int, ...], ...]
    conflicts: tuple[tuple[int, ...], ...]
    near: tuple[NearPair, ...]
    near_complete: bool
    constant: tuple[int, ...]
    almost_empty: tuple[int, ...]
    votes: VoteAudit | None = None

    def num_faces(self, split: str | None = None) -> int:
        """Return the number of faces, in one split or in all."""
        return sum(sum(classes.values()) for name, classes in self.counts.items() if split in (None, name))

    def baseline(self, split: str) -> tuple[str, float]:
        """Return the most frequent class of a split and the accuracy of always predicting it, 0-1."""
        classes = self.counts[split]
        name = max(classes, key=classes.__getitem__)
        return name, classes[name] / max(1, self.num_faces(split))

    def twin_count(self, split: str, other: str) -> TwinCount:
        """Return how many images of `split` have a twin in `other`.

        Raises:
            KeyError: the pair is not counted, since `other` comes after `split` in train, val, test.
        """
        for count in self.twins:
            if (count.split, count.other) == (split, other):
                return count
        raise KeyError((split, other))

    def to_dict(self) -> dict[str, Any]:
        """Return all findings for JSON, with the rules behind them."""
        result = dataclasses.asdict(self)
        result["votes"] = None if self.votes is None else self.votes.to_dict()
        result["num_faces"] = self.num_faces()
        result["baseline"] = {
            split: {"class": name, "accuracy": accuracy}
            for split in SPLITS
            if self.num_faces(split)
            for name, accuracy in [self.baseline(split)]
        }
        result["rules"] = {"near": NEAR_RULE, "almost_empty": EMPTY_RULE, "not_face": NOT_FACE_RULE}
        return result

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write `to_dict` as JSON.

        Raises:
            MoueError: `path` exists and `overwrite` is false, or cannot be written.
        """
        write_json(path, self.to_dict(), overwrite=overwrite)

    def table(self) -> list[Finding]:
        """Return a summary of the findings, as lines to print."""
        rows = [Finding("faces", self.num_faces(), f"{self.num_pictures:,} different images")]
        for split in SPLITS:
            if number := self.num_faces(split):
                name, accuracy = self.baseline(split)
                ratio = _imbalance(self.counts[split])
                rows.append(Finding(f"{split} faces", number, f"always predicting {name}: {accuracy:.1%}; {ratio}"))
        in_groups = sum(len(group) for group in self.twin_groups)
        rows.append(Finding("images that occur twice or more", len(self.twin_groups), f"{in_groups:,} faces in all"))
        rows += [_twin_finding(count) for count in self.twins if count.exact or count.near]
        in_conflict = sum(len(group) for group in self.conflicts)
        rows.append(Finding("images with different labels", len(self.conflicts), f"{in_conflict:,} faces in all"))
        mirrored = sum(pair.mirrored for pair in self.near)
        more = "" if self.near_complete else "; at least: the search ended early"
        rows.append(Finding("pairs of near-duplicates", len(self.near), f"{mirrored:,} of them mirrored{more}"))
        rows.append(Finding("constant images", len(self.constant), "one gray value"))
        rows.append(Finding("almost empty images", len(self.almost_empty), EMPTY_RULE))
        return rows + ([] if self.votes is None else _vote_findings(self.votes))


def audit(dataset: Dataset) -> Audit:
    """Audit a data set: counts, exact and near-duplicates, label conflicts, empty images, FER+ findings.

    FER2013 takes about 15 seconds of CPU time, and 0.4 GB of memory including the data.
    """
    refuse_no_dataset(dataset)
    groups = exact_groups(dataset)
    pairs = near_pairs(dataset.images[groups.first])
    members = groups.members()
    conflicts = [member for member in members if len(set(dataset.labels[member].tolist())) > 1]
    constant, empty = _plain(dataset.images)
    positions = groups.first[np.sort(np.stack([pairs.first, pairs.second]), axis=0)]
    return Audit(
        source=dataset.source,
        checksum=dataset.checksum,
        counts=dataset.counts(),
        num_pictures=groups.num_pictures,
        twins=_twin_counts(dataset, groups, pairs),
        twin_groups=_rows(dataset, members),
        conflicts=_rows(dataset, conflicts),
        near=tuple(
            NearPair(*values)
            for values in zip(
                *dataset.rows[positions].tolist(),
                [round(value, 4) for value in pairs.correlation.tolist()],
                pairs.mirrored.tolist(),
                strict=True,
            )
        ),
        near_complete=pairs.complete,
        constant=tuple(dataset.rows[constant].tolist()),
        almost_empty=tuple(dataset.rows[empty].tolist()),
        votes=audit_votes(dataset),
    )


def _twin_counts(dataset: Dataset, groups: Groups, pairs: NearPairs) -> tuple[TwinCount, ...]:
    """Count twins of every split in itself and in earlier ones; the counts are not symmetric."""
    copies = {split: groups.count_of(dataset.split == split) for split in SPLITS}
    by_label = {split: _copies_by_label(dataset, groups, split) for split in SPLITS}
    result = []
    for late, split in enumerate(SPLITS):
        here = dataset.where(split)
        image, label = groups.of[here], dataset.labels[here]
        for other in SPLITS[: late + 1]:
            # Within a split, an image is not its own twin.
            least = 2 if other == split else 1
            exact = copies[other][image] >= least
            same = by_label[other][image, label] >= least
            near_here = np.zeros(groups.num_pictures, bool)
            near_here[pairs.first[copies[other][pairs.second] > 0]] = True
            near_here[pairs.second[copies[other][pairs.first] > 0]] = True
            near = near_here[image] & ~exact
            result.append(TwinCount(split, other, int(exact.sum()), int(same.sum()), int(near.sum())))
    return tuple(result)


def _copies_by_label(dataset: Dataset, groups: Groups, split: str) -> NDArray[np.int64]:
    """Return how often each image has each label in a split, int64 (num_pictures, num_classes)."""
    here = dataset.where(split)
    num_classes = len(dataset.class_names)
    cell = groups.of[here] * num_classes + dataset.labels[here]
    return np.bincount(cell, minlength=groups.num_pictures * num_classes).reshape(-1, num_classes)


def _plain(images: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which images are constant and which are otherwise almost empty by `EMPTY_RULE`, both bool (N,)."""
    flat = np.sort(images.reshape(len(images), math.prod(images.shape[1:])), axis=1)
    constant = flat[:, 0] == flat[:, -1]
    deviation = np.array([image.std() for image in flat], np.float64)
    # In sorted pixels, one value fills 60% exactly if two pixels that far apart are equal.
    length = int(np.ceil(EMPTY_FRACTION * flat.shape[1]))
    one_value = (flat[:, length - 1 :] == flat[:, : flat.shape[1] - length + 1]).any(axis=1)
    return constant, ~constant & ((deviation < EMPTY_STD) | one_value)


def _rows(dataset: Dataset, groups: list[NDArray[np.int64]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(dataset.rows[group].tolist()) for group in groups)


def _imbalance(classes: dict[str, int]) -> str:
    present = {name: number for name, number in classes.items() if number}
    rare = min(present, key=present.__getitem__)
    return f"most frequent class {max(present.values()) / present[rare]:.1f} times the rarest ({rare})"


def _twin_finding(count: TwinCount) -> Finding:
    detail = f"{count.same_label:,} with the same label; {count.near:,} more have a near-duplicate there"
    if count.split == count.other:
        return Finding(f"{count.split} images with an exact twin in {count.split} itself", count.exact, detail)
    return Finding(f"{count.split} images with an exact twin in {count.other}", count.exact, detail)


def _vote_findings(votes: VoteAudit) -> list[Finding]:
    rows = [
        Finding("FER+: not a face", len(votes.not_face), NOT_FACE_RULE),
        Finding("FER+: expression unknown", len(votes.unknown), "'unknown' has more than half of the votes"),
        Finding("FER+: no majority", len(votes.no_majority), "nothing has more than half of the votes"),
        Finding("FER+: no votes at all", len(votes.no_votes)),
        Finding(
            "FER+: strong disagreement",
            len(votes.strong_disagreement),
            f"{STRONG_VOTES} or 10 of ten votes for another expression than the label",
        ),
    ]
    for entry in votes.agreement:
        if entry.rule == "faces" and entry.num_faces:
            detail = f"{entry.fraction:.1%} of {entry.num_faces:,}: most votes for the label, non-faces left out"
            rows.append(Finding(f"FER+: {entry.split} faces that agree with the label", entry.num_agreeing, detail))
    return rows
