"""`Evaluation`: the result of `evaluate`, with saving, loading and printing."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.data.dataset import ALL
from moue.errors import MoueError
from moue.evaluation.metrics import Scores, score
from moue.evaluation.plain import from_plain
from moue.evaluation.references import ReferenceScores
from moue.evaluation.robustness import Robustness
from moue.evaluation.seen import Seen
from moue.files import read_json, refuse_existing, replacing, sha256_of, write_json
from moue.probabilities import apply_temperature
from moue.votes import EIGHT_CLASS_RULE, MAJORITY_RULE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

JSON_NAME: Final = "evaluation.json"
ARRAYS_NAME: Final = "predictions.npz"
_FORMAT: Final = 2


@dataclasses.dataclass(frozen=True)
class Baseline:
    """The score of always predicting the most frequent class of the training split.

    Attributes:
        class_name: The class.
        accuracy: Its share of the scored faces, 0-1.
    """

    class_name: str
    accuracy: float


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of scoring one model on one split.

    Attributes:
        official: Scores on the whole split, including `accuracy` and `balanced_accuracy`.
        without_twins: Scores without the faces that have an exact pixel twin in the training split; None if the split
            is the training split, if there is no training split, or if no face is left.
        ferplus: The same predictions against the FER+ majority; None without votes.
        baseline: The score of the most frequent training class; None without a training split.
        y_true: Labels, int64 (n,).
        y_prob: The model's probabilities before temperature scaling, float32 (n, K).
        rows: Row numbers in the source, int64 (n,).
        face_index: Positions 0 to n-1 of the faces that a report shows, int64 (m,).
        face_images: Their pixels, uint8 (m, 48, 48, 1).
        split: "train", "val", "test", or "all" for every face whatever its split.
        split_rule: How the faces were split.
        num_views: Predictions averaged per face; 1 means no test-time augmentation.
        source: Where the data came from.
        checksum: `Dataset.checksum` of the data.
        command: The command line that made this; empty from Python.
        heads: Scores of the model's other outputs by name ("expression", "perceived"), each against its own reference;
            empty for a plain function.
        views: Name of the set of views, of `moue.evaluation.tta`.
        members: The models of an ensemble, whose calibrated probabilities were averaged into `y_prob`; else empty.
        temperature: The temperature of the scored head, not applied to `y_prob`; None if there is none, or if all
            faces were scored, so that none were held out to check it.
        robustness: The result of `measure_robustness`; None if it was not run.
        seen: How many of the faces the model had seen before; None for a plain function.
    """

    official: Scores
    without_twins: Scores | None
    ferplus: ReferenceScores | None
    baseline: Baseline | None
    y_true: NDArray[np.int64]
    y_prob: NDArray[np.float32]
    rows: NDArray[np.int64]
    face_index: NDArray[np.int64]
    face_images: NDArray[np.uint8]
    split: str
    split_rule: str
    num_views: int
    source: str
    checksum: str
    command: str = ""
    heads: Mapping[str, ReferenceScores] = dataclasses.field(default_factory=dict)
    views: str = "single"
    members: tuple[str, ...] = ()
    temperature: float | None = None
    robustness: Robustness | None = None
    seen: Seen | None = None

    def __repr__(self) -> str:
        return f"Evaluation({self.split}: accuracy {self.accuracy:.1%} of {len(self.y_true)} faces, {self.manner})"

    @property
    def accuracy(self) -> float:
        """Accuracy on the whole split, 0-1."""
        return self.official.accuracy

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes on the whole split, 0-1."""
        return self.official.balanced_accuracy

    @property
    def manner(self) -> str:
        """How each face was predicted, in words: ``"1 view (single)"``."""
        count = f"{self.num_views} view{'s' if self.num_views != 1 else ''} ({self.views})"
        return f"{count}, {len(self.members)} models" if self.members else count

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in label order."""
        return self.official.class_names

    def calibrated(self) -> Scores | None:
        """Return the scores of the whole split after temperature scaling; None without a temperature."""
        if self.temperature is None:
            return None
        return score(self.y_true, apply_temperature(self.y_prob, self.temperature), self.class_names)

    def to_dict(self) -> dict[str, Any]:
        """Return all but the arrays as plain numbers, strings, lists and dicts, fit for JSON."""
        ferplus, baseline = self.ferplus, self.baseline
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "members": list(self.members),
            "official": self.official.to_dict(),
            "without_twins": None if self.without_twins is None else self.without_twins.to_dict(),
            "ferplus": None if ferplus is None else dataclasses.asdict(ferplus),
            "heads": {name: dataclasses.asdict(scores) for name, scores in self.heads.items()},
            "baseline": None if baseline is None else dataclasses.asdict(baseline),
            "robustness": None if self.robustness is None else self.robustness.to_dict(),
            "seen": None if self.seen is None else {**dataclasses.asdict(self.seen), "told": self.seen.warning()},
        }

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write ``evaluation.json`` (figures) and ``predictions.npz`` (arrays) and return the folder.

        Each is written under a temporary name and moved into place; the JSON comes last and names the SHA-256 of the
        arrays, so that a half-written pair is noticed when read.

        Raises:
            MoueError: a file exists and `overwrite` is false, or the folder cannot be written.
        """
        folder = Path(folder)
        for name in (JSON_NAME, ARRAYS_NAME):
            refuse_existing(folder / name, overwrite=overwrite)
        with replacing(folder / ARRAYS_NAME, overwrite=overwrite) as temporary:
            np.savez_compressed(temporary, **{name: getattr(self, name) for name in _ARRAYS})
        content = {"format": _FORMAT, "predictions_sha256": sha256_of(folder / ARRAYS_NAME), **self.to_dict()}
        write_json(folder / JSON_NAME, content, overwrite=overwrite)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Evaluation:
        """Read what `save` wrote.

        Raises:
            MoueError: a file is missing, damaged, of another format or does not belong to the other.
        """
        folder = Path(folder)
        content = read_json(folder / JSON_NAME)
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise MoueError(f"{folder / JSON_NAME} is not an evaluation of this version", f"format {_FORMAT}", _AGAIN)
        try:
            return cls(
                official=Scores.from_dict(content["official"]),
                without_twins=None if content["without_twins"] is None else Scores.from_dict(content["without_twins"]),
                ferplus=None if content["ferplus"] is None else ReferenceScores.from_dict(content["ferplus"]),
                heads={name: ReferenceScores.from_dict(value) for name, value in content["heads"].items()},
                baseline=_baseline_from(content["baseline"]),
                split=str(content["split"]),
                split_rule=str(content["split_rule"]),
                num_views=int(content["num_views"]),
                source=str(content["source"]),
                checksum=str(content["checksum"]),
                command=str(content["command"]),
                views=str(content["views"]),
                members=tuple(map(str, content["members"])),
                temperature=None if content["temperature"] is None else float(content["temperature"]),
                robustness=None if content.get("robustness") is None else Robustness.from_dict(content["robustness"]),
                seen=None if content.get("seen") is None else from_plain(Seen, content["seen"]),
                **_read_arrays(folder / ARRAYS_NAME, content["predictions_sha256"]),
            )
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, MoueError):
                raise
            raise MoueError(
                f"{folder / JSON_NAME} lacks a field: {error!r}", "a file written by moue", _AGAIN
            ) from error

    def table(self) -> str:
        """Return the scores as lines of at most 80 columns: the scored sets, then the classes."""
        rows: list[tuple[str, ...]] = [(self.manner, "faces", "accuracy", "95 % CI", "balanced", "top-2", "NLL", "ECE")]
        rows += [_score_row(name, scores) for name, scores in self.named_scores()]
        if self.baseline is not None:
            share = f"{100 * self.baseline.accuracy:.1f} %"
            rows.append((f"always '{self.baseline.class_name}'", str(len(self.y_true)), share, *[""] * 5))
        classes: list[tuple[str, ...]] = [("class", "faces", "precision", "recall", "F1")]
        for entry in self.official.per_class:
            precision, recall = (f"{100 * value:.1f} %" for value in (entry.precision, entry.recall))
            # A class without faces has no recall and does not count in the balanced accuracy.
            cells = (precision, recall, f"{entry.f1:.3f}") if entry.support else ("-", "-", "-")
            classes.append((entry.name, str(entry.support), *cells))
        return f"{_aligned(rows)}\n\n{_aligned(classes)}"

    def named_scores(self) -> list[tuple[str, Scores]]:
        """Return each scored set as its name and its scores, the whole split first."""
        pairs: list[tuple[str, Scores | None]] = [
            ("all faces" if self.split == ALL else f"{self.split} split", self.official),
            ("no twins in train", self.without_twins),
            ("FER+ majority", None if self.ferplus is None else self.ferplus.scores),
            *((_label_of_head(name, head), head.scores) for name, head in self.heads.items()),
        ]
        return [(name, scores) for name, scores in pairs if scores is not None]


_PLAIN: Final = ("split", "split_rule", "num_views", "views", "source", "checksum", "command", "temperature")
_ARRAYS: Final = ("y_true", "y_prob", "rows", "face_index", "face_images")
_AGAIN: Final = "Evaluate the model again: moue evaluate RUN fer2013.csv --overwrite"


def _label_of_head(name: str, head: ReferenceScores) -> str:
    by_votes = head.rule in (MAJORITY_RULE, EIGHT_CLASS_RULE)
    return f"{name}, FER+ of {len(head.scores.class_names)}" if by_votes else f"{name}, labels"


def _baseline_from(value: Mapping[str, Any] | None) -> Baseline | None:
    return None if value is None else Baseline(str(value["class_name"]), float(value["accuracy"]))


def _read_arrays(path: Path, checksum: str) -> dict[str, NDArray[Any]]:
    try:
        if sha256_of(path) != checksum:
            raise MoueError(f"{path} does not belong to {JSON_NAME} beside it", "the pair that was saved", _AGAIN)
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in _ARRAYS}
    except (OSError, zipfile.BadZipFile) as error:
        raise MoueError(f"cannot read {path}: {error}", "the arrays saved with the evaluation", _AGAIN) from error


def _score_row(name: str, scores: Scores) -> tuple[str, ...]:
    low, high = scores.accuracy_interval
    return (
        name,
        str(scores.num_faces),
        f"{100 * scores.accuracy:.1f} %",
        f"{100 * low:.1f}-{100 * high:.1f}",
        f"{100 * scores.balanced_accuracy:.1f} %",
        f"{100 * scores.top2:.1f} %",
        f"{scores.nll:.3f}",
        f"{scores.ece:.3f}",
    )


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
