"""`measure_robustness`: score a model on damaged and mirrored faces, and on parts of a split."""

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
"""`moue predict` marks a prediction below this confidence with '?' by default."""

_BATCH: Final = 256
_FUNCTION: Final = "output"


@dataclasses.dataclass(frozen=True, eq=False)
class _Setup:
    """A model, the faces that it classifies, and what its outputs are scored against.

    `references` is ordered: the output that benchmarks score is first, the one that users see is last.
    """

    predict: Predict
    faces: Dataset
    advance: Callable[[int], None]
    clean: Outputs
    references: dict[str, Reference]

    def known(self, name: str) -> NDArray[np.int64]:
        """Return the positions of the faces that have a reference."""
        return np.flatnonzero(self.references[name].y_true >= 0)

    def correct(self, name: str, outputs: Outputs) -> NDArray[np.bool_]:
        """Return which predictions of an output are correct, over the faces that have a reference."""
        known = self.known(name)
        correct: NDArray[np.bool_] = outputs[name][known].argmax(axis=1) == self.references[name].y_true[known]
        return correct

    def errors(self, outputs: Outputs) -> dict[str, float]:
        """Return the error of each output over the faces that have a reference."""
        return {name: 1 - float(self.correct(name, outputs).mean()) for name in self.references}

    def predict_changed(self, change: Callable[[Images], Images]) -> Outputs:
        """Return the outputs for changed faces."""
        return _predict(self.predict, self.faces.images, self.advance, change)


def measure_robustness(
    model: Model,
    dataset: Dataset,
    *,
    split: str = "test",
    views: str = "single",
    measures: Mapping[str, NDArray[np.floating[Any]]] | None = None,
    progress: Progress = ignore_progress,
) -> Robustness:
    """Measure what `Robustness` holds on one split; the model classifies each face 57 times.

    Args:
        model: A `Classifier`, an `Ensemble`, or a function that maps uint8 (n, 48, 48, 1) to probabilities.
        dataset: The data, with the training split, which is needed to find twins.
        split: "test" (once, at the end), "val" or "train".
        views: A name of `moue.evaluation.tta.list_views`.
        measures: More numbers to group the faces by, such as a detector's score, float (n,) each; NaN where a face
            has none.
        progress: Called with (faces done, faces in total).

    Raises:
        MoueError: the split is empty, or no output of the model has the classes of the data set.
    """
    refuse_no_dataset(dataset)
    checksum = dataset.checksum
    if isinstance(model, Classifier | Ensemble):
        dataset = dataset.with_classes(classes_of(model))
    faces = dataset.subset(split)
    if not len(faces):
        raise MoueError(f"the data has no {split} faces", f"faces in the split {split}")
    setup = _set_up(_predictor(model, views), faces, _counter(len(faces), progress))
    mirror, corruptions = _mirror(setup), _corruptions(setup)
    shown = list(setup.references)[-1]
    known, correct = setup.known(shown), setup.correct(shown, setup.clean)
    twins = dataset.has_twin(split)[known] if split not in ("train", ALL) and len(dataset.where("train")) else None
    measured = {name: np.asarray(values)[known] for name, values in (measures or {}).items()}
    y_true = setup.references[shown].y_true[known]
    return Robustness(
        seed=0,
        views=views,
        unsure_below=UNSURE_BELOW,
        clean=setup.errors(setup.clean),
        rules={name: reference.rule for name, reference in setup.references.items()},
        corruptions=corruptions,
        mean_error=_mean_errors(corruptions),
        **_relative(setup, corruptions, checksum if views == "single" else "", split),
        mirror=mirror,
        sliced=shown,
        slices=slice_scores(faces.take(known), correct, twins=twins, measures=measured),
        selective=selective_scores(y_true, setup.clean[shown][known], faces.class_names, UNSURE_BELOW),
        voters=_voters(setup),
    )


def _counter(num_faces: int, progress: Progress) -> Callable[[int], None]:
    total, done = num_faces * (2 + len(STRENGTHS) * len(list_corruptions())), 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return advance


def _predictor(model: Model, views: str) -> Predict:
    if not isinstance(model, Classifier | Ensemble):
        return lambda images: average_views(lambda view: {_FUNCTION: np.asarray(model(view))}, images, views)

    def predict(images: Images) -> Outputs:
        return dict(model.predict_heads(images, batch_size=len(images)))

    return lambda images: average_views(predict, images, views)


def _set_up(predict: Predict, faces: Dataset, advance: Callable[[int], None]) -> _Setup:
    """Classify the undamaged faces, and find the outputs that have a reference over the data's own classes."""
    clean = _predict(predict, faces.images, advance, lambda images: images)
    references = {
        name: reference
        for name in sorted(clean, key=lambda name: name == EXPRESSION)
        if (reference := _reference(name, clean[name], faces)) is not None
    }
    if not references:
        raise MoueError(
            "no output of the model has the classes of the data", f"one output with {', '.join(faces.class_names)}"
        )
    return _Setup(predict, faces, advance, clean, references)


def _reference(name: str, y_prob: NDArray[np.floating[Any]], faces: Dataset) -> Reference | None:
    if y_prob.shape[1] != len(faces.class_names):
        return None
    if name == EXPRESSION:
        reference = reference_for_expression(faces, y_prob)
    else:
        head = find_head("emotion" if name == _FUNCTION else name)
        if head.needs_votes:
            return None
        reference = head.reference(faces, y_prob)
    return reference if (reference.y_true >= 0).any() else None


def _predict(
    predict: Predict, images: Images, advance: Callable[[int], None], change: Callable[[Images], Images]
) -> Outputs:
    parts = []
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        parts.append(predict(change(batch)))
        advance(len(batch))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _mirror(setup: _Setup) -> tuple[Mirror, ...]:
    mirrored = setup.predict_changed(lambda images: np.ascontiguousarray(images[:, :, ::-1]))
    errors = setup.errors(mirrored)
    return tuple(
        Mirror(
            output=name,
            same=float((setup.clean[name].argmax(axis=1) == mirrored[name].argmax(axis=1)).mean()),
            distance=float(np.abs(setup.clean[name] - mirrored[name]).sum(axis=1).mean() / 2),
            accuracy=1 - errors[name],
        )
        for name in setup.references
    )


def _corruptions(setup: _Setup) -> tuple[CorruptionErrors, ...]:
    result = []
    for name in list_corruptions():
        errors = [
            setup.errors(setup.predict_changed(functools.partial(corrupt, name=name, strength=strength)))
            for strength in STRENGTHS
        ]
        result += [
            CorruptionErrors(output, name, tuple(by_output[output] for by_output in errors))
            for output in setup.references
        ]
    return tuple(result)


def _mean_errors(corruptions: tuple[CorruptionErrors, ...]) -> dict[str, float]:
    outputs = dict.fromkeys(entry.output for entry in corruptions)
    return {
        output: float(np.mean([entry.errors for entry in corruptions if entry.output == output])) for output in outputs
    }


def _relative(setup: _Setup, corruptions: tuple[CorruptionErrors, ...], checksum: str, split: str) -> dict[str, Any]:
    """Return the fields of `Robustness` that compare the first output with the reference."""
    reference, first = find_reference(checksum, split), next(iter(setup.references))
    if reference is None:
        return {"mce": None, "relative_mce": None, "reference": ""}
    errors = {entry.corruption: entry.errors for entry in corruptions if entry.output == first}
    clean = setup.errors(setup.clean)[first]
    return {
        "mce": mean_corruption_error(errors, reference),
        "relative_mce": mean_corruption_error(errors, reference, clean),
        "reference": reference.what,
    }


def _voters(setup: _Setup) -> Voters | None:
    """Compare the votes with the output `perceived`, which predicts them, else with the output that users see."""
    votes = setup.faces.votes
    if votes is None:
        return None
    if PERCEIVED.name in setup.clean:
        return compare_with_voters(votes, setup.clean[PERCEIVED.name], PERCEIVED.class_names, PERCEIVED.name)
    name = list(setup.references)[-1]
    return compare_with_voters(votes, setup.clean[name], setup.faces.class_names, name)
