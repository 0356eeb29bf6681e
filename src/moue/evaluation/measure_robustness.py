"""`measure_robustness`: ask a model about damaged, mirrored and divided faces."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.data.dataset import ALL, refuse_no_dataset
from moue.errors import MoueError
from moue.evaluation.corruption_errors import CorruptionErrors, find_reference, mean_corruption_error
from moue.evaluation.corruptions import STRENGTHS, corrupt, list_corruptions
from moue.evaluation.evaluate import classes_of
from moue.evaluation.robustness import Mirror, Robustness
from moue.evaluation.selective import selective_scores
from moue.evaluation.slices import slice_scores
from moue.evaluation.tta import average_views
from moue.evaluation.voters import Voters, compare_with_voters
from moue.heads import EXPRESSION, PERCEIVED, Reference, find_head, reference_for_expression
from moue.progress import ignore_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset
    from moue.progress import Progress

    Images: TypeAlias = NDArray[np.uint8]
    PredictProba: TypeAlias = Callable[[Images], NDArray[Any]]
    Model: TypeAlias = Classifier | Ensemble | PredictProba
    Outputs: TypeAlias = dict[str, NDArray[np.floating[Any]]]
    Predict: TypeAlias = Callable[[Images], Outputs]

UNSURE_BELOW: Final = 0.5
"""Where `moue predict` marks an answer with '?' unless told otherwise."""

_BATCH: Final = 256
_FUNCTION: Final = "output"


@dataclasses.dataclass(frozen=True, eq=False)
class _Asked:
    """A model, the faces that it is asked about, and what its answers are scored against.

    `references` holds, by answer, what benchmarks score first and what people are told last.
    """

    answer: Predict
    faces: Dataset
    moved: Callable[[int], None]
    clean: Outputs
    references: dict[str, Reference]

    def known(self, name: str) -> NDArray[np.int64]:
        """Return the positions of the faces that have a reference."""
        return np.flatnonzero(self.references[name].y_true >= 0)

    def right(self, name: str, answers: Outputs) -> NDArray[np.bool_]:
        """Return which answers are right, over the faces that have a reference."""
        known = self.known(name)
        right: NDArray[np.bool_] = answers[name][known].argmax(axis=1) == self.references[name].y_true[known]
        return right

    def errors(self, answers: Outputs) -> dict[str, float]:
        """Return the error of each answer over the faces that have a reference."""
        return {name: 1 - float(self.right(name, answers).mean()) for name in self.references}

    def ask(self, change: Callable[[Images], Images]) -> Outputs:
        """Return the answers about changed faces."""
        return _ask(self.answer, self.faces.images, self.moved, change)


def measure_robustness(
    model: Model,
    dataset: Dataset,
    *,
    split: str = "test",
    views: str = "single",
    measures: Mapping[str, NDArray[np.floating[Any]]] | None = None,
    progress: Progress = ignore_progress,
) -> Robustness:
    """Measure what `Robustness` holds, over one split; it asks the model 57 times about each face.

    Args:
        model: A `Classifier`, an `Ensemble`, or a function that maps uint8 (n, 48, 48, 1) to probabilities.
        dataset: The data, with the training split, which tells the twins.
        split: "test" (once, at the end), "val" or "train".
        views: A name of `moue.evaluation.tta.list_views`.
        measures: More numbers to divide the faces by, such as a detector's score, float (n,) each; NaN where a face
            has none.
        progress: Called with (faces done, faces in all).

    Raises:
        MoueError: the split is empty, or the model answers other classes than the data set has.
    """
    refuse_no_dataset(dataset)
    checksum = dataset.checksum
    if isinstance(model, Classifier | Ensemble):
        dataset = dataset.with_classes(classes_of(model))
    faces = dataset.subset(split)
    if not len(faces):
        raise MoueError(f"the data has no {split} faces", f"faces in the split {split}")
    asked = _ask_clean(_answerer(model, views), faces, _counter(len(faces), progress))
    mirror, corruptions = _mirror(asked), _corruptions(asked)
    told = list(asked.references)[-1]
    known, right = asked.known(told), asked.right(told, asked.clean)
    twins = dataset.has_twin(split)[known] if split not in ("train", ALL) and len(dataset.where("train")) else None
    chosen = {name: np.asarray(values)[known] for name, values in (measures or {}).items()}
    y_true = asked.references[told].y_true[known]
    return Robustness(
        seed=0,
        views=views,
        unsure_below=UNSURE_BELOW,
        clean=asked.errors(asked.clean),
        rules={name: reference.rule for name, reference in asked.references.items()},
        corruptions=corruptions,
        mean_error=_mean_errors(corruptions),
        **_relative(asked, corruptions, checksum if views == "single" else "", split),
        mirror=mirror,
        sliced=told,
        slices=slice_scores(faces.take(known), right, twins=twins, measures=chosen),
        selective=selective_scores(y_true, asked.clean[told][known], faces.class_names, UNSURE_BELOW),
        voters=_voters(asked),
    )


def _counter(num_faces: int, progress: Progress) -> Callable[[int], None]:
    total, done = num_faces * (2 + len(STRENGTHS) * len(list_corruptions())), 0

    def moved(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return moved


def _answerer(model: Model, views: str) -> Predict:
    if not isinstance(model, Classifier | Ensemble):
        return lambda images: average_views(lambda seen: {_FUNCTION: np.asarray(model(seen))}, images, views)

    def answer(images: Images) -> Outputs:
        return dict(model.predict_heads(images, batch_size=len(images)))

    return lambda images: average_views(answer, images, views)


def _ask_clean(answer: Predict, faces: Dataset, moved: Callable[[int], None]) -> _Asked:
    """Ask about the faces as they are, and find out which answers have a reference over the data's own classes."""
    clean = _ask(answer, faces.images, moved, lambda images: images)
    references = {
        name: reference
        for name in sorted(clean, key=lambda name: name == EXPRESSION)
        if (reference := _reference(name, clean[name], faces)) is not None
    }
    if not references:
        raise MoueError(
            "no answer of the model is over the classes of the data", f"one over {', '.join(faces.class_names)}"
        )
    return _Asked(answer, faces, moved, clean, references)


def _reference(name: str, y_prob: NDArray[np.floating[Any]], faces: Dataset) -> Reference | None:
    if y_prob.shape[1] != len(faces.class_names):
        return None
    if name == EXPRESSION:
        found = reference_for_expression(faces, y_prob)
    else:
        head = find_head("emotion" if name == _FUNCTION else name)
        if head.needs_votes:
            return None
        found = head.reference(faces, y_prob)
    return found if (found.y_true >= 0).any() else None


def _ask(answer: Predict, images: Images, moved: Callable[[int], None], change: Callable[[Images], Images]) -> Outputs:
    parts = []
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        parts.append(answer(change(batch)))
        moved(len(batch))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _mirror(asked: _Asked) -> tuple[Mirror, ...]:
    mirrored = asked.ask(lambda images: np.ascontiguousarray(images[:, :, ::-1]))
    errors = asked.errors(mirrored)
    return tuple(
        Mirror(
            output=name,
            same=float((asked.clean[name].argmax(axis=1) == mirrored[name].argmax(axis=1)).mean()),
            distance=float(np.abs(asked.clean[name] - mirrored[name]).sum(axis=1).mean() / 2),
            accuracy=1 - errors[name],
        )
        for name in asked.references
    )


def _corruptions(asked: _Asked) -> tuple[CorruptionErrors, ...]:
    found = []
    for name in list_corruptions():
        errors = [
            asked.errors(asked.ask(functools.partial(corrupt, name=name, strength=strength))) for strength in STRENGTHS
        ]
        found += [CorruptionErrors(answer, name, tuple(one[answer] for one in errors)) for answer in asked.references]
    return tuple(found)


def _mean_errors(corruptions: tuple[CorruptionErrors, ...]) -> dict[str, float]:
    answers = dict.fromkeys(one.output for one in corruptions)
    return {answer: float(np.mean([one.errors for one in corruptions if one.output == answer])) for answer in answers}


def _relative(asked: _Asked, corruptions: tuple[CorruptionErrors, ...], checksum: str, split: str) -> dict[str, Any]:
    """Return the fields of `Robustness` that compare the first answer with the reference."""
    reference, first = find_reference(checksum, split), next(iter(asked.references))
    if reference is None:
        return {"mce": None, "relative_mce": None, "reference": ""}
    errors = {one.corruption: one.errors for one in corruptions if one.output == first}
    clean = asked.errors(asked.clean)[first]
    return {
        "mce": mean_corruption_error(errors, reference),
        "relative_mce": mean_corruption_error(errors, reference, clean),
        "reference": reference.what,
    }


def _voters(asked: _Asked) -> Voters | None:
    """Compare the answer that was made for it, else the one that people are told, with the votes."""
    votes = asked.faces.votes
    if votes is None:
        return None
    if PERCEIVED.name in asked.clean:
        return compare_with_voters(votes, asked.clean[PERCEIVED.name], PERCEIVED.class_names, PERCEIVED.name)
    name = list(asked.references)[-1]
    return compare_with_voters(votes, asked.clean[name], asked.faces.class_names, name)
