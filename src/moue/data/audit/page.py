"""The HTML page that shows the findings of an audit, with the images embedded."""

from __future__ import annotations

import base64
import dataclasses
import importlib.resources
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from PIL import Image

from moue.data.audit.audit import EMPTY_RULE, NEAR_RULE
from moue.data.audit.votes import AGREEMENT_RULES, NOT_FACE_RULE, STRONG_VOTES
from moue.data.dataset import SPLITS
from moue.errors import MissingExtraError, MoueError
from moue.files import refuse_existing, write_text
from moue.labels import FERPLUS_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moue.data.audit.audit import Audit
    from moue.data.dataset import Dataset

_MAX_GROUPS: Final = 24
_MAX_MIRRORED: Final = 6
_MAX_FACES: Final = 32
_MAX_IN_GROUP: Final = 6
_Item = TypeVar("_Item")


@dataclasses.dataclass(frozen=True)
class _Face:
    """One image on the page: its data URI, where it comes from and its caption."""

    uri: str
    row: int
    split: str
    label: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class _Group:
    """Faces shown together, how many more there are, and a note below them."""

    faces: list[_Face]
    more: int = 0
    note: str = ""


def write_audit_page(audit: Audit, dataset: Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write one self-contained HTML page with the findings of an audit and images of them.

    The images are embedded and the page loads nothing else. Of long lists, it shows an even selection.

    Args:
        audit: What `moue.data.audit.audit` found in `dataset`.
        dataset: The faces.
        path: The page to write, e.g. ``"audit.html"``.
        overwrite: Replace an existing file.

    Raises:
        MoueError: `path` exists and `overwrite` is false, or the audit belongs to other data.
        MissingExtraError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("jinja2", "report") from error
    refuse_existing(Path(path), overwrite=overwrite)
    if audit.checksum != dataset.checksum:
        raise MoueError(
            f"an audit of data {audit.checksum[:12]} and a data set {dataset.checksum[:12]}",
            "an audit of this data set",
            "Audit the data set again.",
        )
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = importlib.resources.files("moue.data.audit").joinpath("page.html.j2").read_text(encoding="utf-8")
    write_text(path, environment.from_string(template).render(_content(audit, dataset)), overwrite=overwrite)


def _content(audit: Audit, dataset: Dataset) -> dict[str, Any]:
    """Return the values for the template."""
    faces = _Faces(dataset)
    plain = {*audit.constant, *audit.almost_empty}
    leaked = [group for group in faces.across(audit.twin_groups, "test", "train") if not plain.intersection(group)]
    conflicts = [group for group in audit.conflicts if not plain.intersection(group)]
    return {
        "audit": audit,
        "source": Path(audit.source).name or "data set",
        "splits": [split for split in SPLITS if audit.num_faces(split)],
        "class_names": dataset.class_names,
        "largest_class": max(sum(audit.counts[split][name] for split in SPLITS) for name in dataset.class_names),
        "leaked": [faces.leak(group) for group in _spread(leaked, _MAX_GROUPS)],
        "num_leaked_groups": len(leaked),
        "conflicts": [faces.group(group) for group in _spread(conflicts, _MAX_GROUPS)],
        "num_conflicts": len(conflicts),
        "near": [
            faces.group((pair.row, pair.other), f"{pair.correlation:.3f}" + (", mirrored" if pair.mirrored else ""))
            for pair in (
                *_spread([pair for pair in audit.near if not pair.mirrored], _MAX_GROUPS),
                *_spread([pair for pair in audit.near if pair.mirrored], _MAX_MIRRORED),
            )
        ],
        "empty": faces.some((*audit.almost_empty, *audit.constant)),
        "vote_faces": _vote_faces(audit, faces),
        "rules": {"near": NEAR_RULE, "empty": EMPTY_RULE, "not_face": NOT_FACE_RULE, "agreement": AGREEMENT_RULES},
        "strong_votes": STRONG_VOTES,
    }


def _vote_faces(audit: Audit, faces: _Faces) -> list[dict[str, Any]]:
    """Return the FER+ findings that are shown as images: title, explanation, how many, faces."""
    if audit.votes is None:
        return []
    sections = (
        ("Not a face", f"{NOT_FACE_RULE}.", audit.votes.not_face),
        ("Expression unknown", "'unknown' has more than half of the votes.", audit.votes.unknown),
        (
            "Strong disagreement",
            f"At least {STRONG_VOTES} of ten votes are for another expression than the FER2013 label.",
            audit.votes.strong_disagreement,
        ),
    )
    return [
        {"title": title, "text": text, "number": len(rows), "faces": faces.some(rows, votes=True)}
        for title, text, rows in sections
        if rows
    ]


class _Faces:
    """Builds the page's images from the rows of a data set."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._position = {row: position for position, row in enumerate(dataset.rows.tolist())}

    def face(self, row: int, *, votes: bool = False) -> _Face:
        """Return one face; with `votes`, its note is the FER+ column with the most votes."""
        position = self._position[row]
        label = self._dataset.class_names[self._dataset.labels[position]]
        note = ""
        if votes and self._dataset.votes is not None:
            counts = self._dataset.votes[position]
            top = int(np.argmax(counts))
            note = f"FER+ {FERPLUS_NAMES[top].replace('_', ' ')} {counts[top]} of {counts.sum(dtype=int)}"
        return _Face(_data_uri(self._dataset.images[position]), row, self.split(row), label, note)

    def split(self, row: int) -> str:
        return str(self._dataset.split[self._position[row]])

    def some(self, rows: Sequence[int], *, votes: bool = False) -> list[_Face]:
        return [self.face(row, votes=votes) for row in _spread(rows, _MAX_FACES)]

    def group(self, rows: Iterable[int], note: str = "") -> _Group:
        rows = list(rows)
        return _Group([self.face(row) for row in rows[:_MAX_IN_GROUP]], max(0, len(rows) - _MAX_IN_GROUP), note)

    def across(self, groups: Iterable[tuple[int, ...]], split: str, other: str) -> list[tuple[int, ...]]:
        """Return the groups that have a row in each of both splits."""
        return [group for group in groups if {split, other} <= {self.split(row) for row in group}]

    def leak(self, rows: tuple[int, ...]) -> _Group:
        """Return the first train row and the first test row of a group side by side."""
        pair = [next(row for row in rows if self.split(row) == split) for split in ("train", "test")]
        return _Group([self.face(row) for row in pair], len(rows) - 2)


def _spread(items: Sequence[_Item], most: int) -> list[_Item]:
    """Return at most `most` items, spread evenly over the whole list."""
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def _data_uri(image: np.ndarray[Any, np.dtype[np.uint8]]) -> str:
    """Return an image (48, 48, 1) as a PNG inside a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(image[:, :, 0]).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
