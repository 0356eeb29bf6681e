"""Which parts of a face a prediction rests on: class activation maps, or occlusion maps where these are not possible.

If a network ends in global average pooling and one dense layer, its logits are a sum over the cells of the last feature
map (Zhou et al. 2016, arXiv:1512.04150). Then the contribution of each cell is exact, not estimated. Let z_c be the
logits of `expression`, and q_k = p_k / (1 - p_c) the share of class k among the other classes than c. Then

    log(p_c / (1 - p_c)) = z_c - sum_k q_k z_k - H(q),

with the entropy H, and every z is a sum over the cells plus a constant. The map of class c holds the first two terms
for each cell: the log-odds that it contributes for c against the other classes.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.features import with_outputs
from moue.classifier.locate import FIX
from moue.classifier.output_spec import ExpressionSpec
from moue.classifier.preprocess import fit, prepare
from moue.classifier.runtime import open_session, read_network, usable_cpus
from moue.errors import MoueError, SettingError
from moue.heads import EXPRESSION
from moue.probabilities import PROBABILITY_FLOOR, softmax

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import onnxruntime
    from numpy.typing import NDArray

    from moue.classifier.features import FeatureSpec
    from moue.classifier.protocol import FaceClassifier

CLASS_MAP: Final = "class map"
OCCLUSION: Final = "occlusion"
METHODS: Final = ("auto", CLASS_MAP, OCCLUSION)

_SAME: Final = 1e-3
_CELLS: Final = 8  # cells of an occlusion map per side; the covering square is two cells wide


@dataclasses.dataclass(frozen=True, eq=False)
class FaceMap:
    """Which parts of a face are evidence for a class against the other classes.

    Attributes:
        emotion: The class.
        evidence: float32 (h, w), log-odds: above 0 for the class, below 0 against it. In a class map, the sum plus
            `constant` is `log_odds`. In an occlusion map, each cell is the loss of log-odds when it is covered.
        log_odds: log(p / (1 - p)) of the class.
        constant: The part of `log_odds` that comes from no cell; 0 in an occlusion map.
        method: "class map" or "occlusion".
        shift: How far the cells lie to the right of and below an even tiling of the face, as a fraction of its side.
    """

    emotion: str
    evidence: NDArray[np.float32]
    log_odds: float
    constant: float
    method: str
    shift: float = 0.0


def face_maps(
    classifier: FaceClassifier,
    images: Sequence[NDArray[np.uint8]],
    emotions: Sequence[str] = (),
    *,
    method: str = "auto",
    head: str = EXPRESSION,
) -> list[FaceMap]:
    """Return the map of one class for each face.

    Args:
        classifier: The model.
        images: Face crops, uint8 (H, W) or (H, W, C).
        emotions: The class of each face; by default the most probable one.
        method: "class map" needs a network that ends in global average pooling; "occlusion" covers the face piece by
            piece and works with any model; "auto" uses class maps where possible.
        head: The head to explain, a name of `FaceClassifier.heads`; occlusion explains "expression" only.

    Raises:
        SettingError: an unknown method or class.
        MoueError: "class map" with a model that does not support it.
    """
    if method not in METHODS:
        raise SettingError(f"the method is {method!r}", f"one of {', '.join(METHODS)}")
    raw = classifier.spec.head(head) if isinstance(classifier, Classifier) and head != EXPRESSION else None
    names = classifier.class_names if raw is None else raw.class_names
    unknown = sorted({*emotions} - {*names})
    if unknown:
        raise SettingError(f"unknown class {unknown[0]!r}", f"one of {', '.join(names)}")
    if not images:
        return []
    features = classifier.spec.features if isinstance(classifier, Classifier) else None
    if features is None and method == CLASS_MAP:
        raise MoueError(
            "this model does not support class maps",
            "one that averages its last features",
            f'Use method="{OCCLUSION}".',
        )
    if isinstance(classifier, Classifier) and features is not None and method != OCCLUSION:
        own = [names.index(emotion) for emotion in emotions]
        return _class_maps(classifier, images, own, head)
    y_prob = classifier.predict_faces(list(images)).expression
    chosen = emotions or [classifier.class_names[k] for k in y_prob.argmax(axis=1)]
    return [occlusion_map(classifier, image, emotion) for image, emotion in zip(images, chosen, strict=True)]


def open_features(classifier: FaceClassifier) -> None:
    """Open a model for class maps ahead of the first one; does nothing if it does not support them.

    Raises:
        MoueError: the file is gone, or has changed since the model was loaded.
    """
    if isinstance(classifier, Classifier) and classifier.spec.features is not None:
        _features_of(classifier, classifier.spec.features)


def _class_maps(
    classifier: Classifier, images: Sequence[NDArray[np.uint8]], chosen: Sequence[int], head: str
) -> list[FaceMap]:
    places, y_prob = class_evidence(classifier, images, head=head)
    names = classifier.class_names if head == EXPRESSION else classifier.spec.head(head).class_names
    features = classifier.spec.features
    maps = []
    for number, (place, probabilities) in enumerate(zip(places, y_prob.astype(np.float64), strict=True)):
        own = chosen[number] if chosen else int(probabilities.argmax())
        rivals = np.maximum(probabilities, PROBABILITY_FLOOR)
        rivals[own] = 0
        rivals /= rivals.sum()
        evidence = place[..., own] - place @ rivals
        log_odds = _log_odds(probabilities[own])
        constant = log_odds - float(evidence.sum())
        shift = (features.shift if features else 0.0) / max(place.shape[:2])
        maps.append(FaceMap(names[own], evidence.astype(np.float32), log_odds, constant, CLASS_MAP, shift))
    return maps


def class_evidence(
    classifier: Classifier, images: Sequence[NDArray[np.uint8]], *, head: str = EXPRESSION
) -> tuple[NDArray[np.float64], NDArray[np.floating]]:
    """Return each cell's part of each logit of `expression` or of a calibrated raw head, and the probabilities.

    `expression` is linear in the heads' logits if the weights of each head have the same sum for every class, as
    `moue.training.expression_fit` makes them. Then this is exact: the sum over the cells, plus a constant per class
    that is the same for every face, is the logit.

    Args:
        classifier: A model whose description names its features.
        images: Faces, uint8 (H, W) or (H, W, C).
        head: A name of `Classifier.heads`.

    Returns:
        float64 (N, h, w, K) and float (N, K).
    """
    features = classifier.spec.features
    is_raw = head != EXPRESSION
    # A raw head is treated as an `expression` made of that head alone.
    how = ExpressionSpec.of_head(classifier.spec.head(head)) if is_raw else classifier.spec.expression
    if features is None:
        raise MoueError(f"{classifier.path} names no features", "a network that averages its last features", FIX)
    session = _features_of(classifier, features)
    heads = [used for used in classifier.spec.heads if used.name in how.weights]
    names = [features.output, EXPRESSION, *(used.output for used in heads)]
    names += [name for used in heads for name in features.layers[used.name]]
    outputs = session.run(names, {session.get_inputs()[0].name: prepare(list(images), classifier.input)})
    maps: NDArray[Any] = outputs[0].astype(np.float64)
    maps = maps.transpose(0, 2, 3, 1) if features.layout == "NCHW" else maps
    head_probs, weights = outputs[2 : 2 + len(heads)], outputs[2 + len(heads) :: 2]
    places, logits = np.zeros((*maps.shape[:3], len(how.class_names))), np.array(how.bias)
    for used, y_prob, matrix, bias in zip(heads, head_probs, weights, outputs[3 + len(heads) :: 2], strict=True):
        _check_sum(classifier, maps, y_prob, matrix, bias)
        rows = np.array(how.weights[used.name])
        places += maps @ matrix.astype(np.float64) @ rows.T / (maps.shape[1] * maps.shape[2])
        logits = logits + np.log(np.maximum(y_prob, PROBABILITY_FLOOR)) @ rows.T
    return places, softmax(logits) if is_raw else outputs[1]


def _check_sum(classifier: Classifier, maps: NDArray[Any], y_prob: Any, matrix: Any, bias: Any) -> None:  # noqa: ANN401
    """Refuse features that do not reproduce the outputs."""
    fits = matrix.shape == (maps.shape[3], y_prob.shape[1]) and bias.shape == y_prob.shape[1:]
    logits = maps.mean(axis=(1, 2)) @ matrix + bias if fits else np.full_like(y_prob, np.nan)
    logits -= logits.max(axis=1, keepdims=True)
    reproduced = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if not np.abs(reproduced - y_prob).max() < _SAME:
        raise MoueError(
            f"the features that {classifier.path.with_suffix('.json').name} names do not reproduce its outputs",
            "those of this network", FIX,
        )  # fmt: skip


def occlusion_map(classifier: FaceClassifier, image: NDArray[np.uint8], emotion: str) -> FaceMap:
    """Cover a face piece by piece with its mean gray, all in one batch, and measure how a class changes.

    Args:
        classifier: Any model.
        image: The face, uint8 (H, W) or (H, W, C).
        emotion: The class.
    """
    face = fit(image, classifier.input)
    height, width = face.shape[:2]
    rows, columns = (np.linspace(0, side, _CELLS + 1).round().astype(int) for side in (height, width))
    corners = [(row, column) for row in range(-1, _CELLS) for column in range(-1, _CELLS)]
    covered = np.repeat(face[None], len(corners) + 1, axis=0)
    for view, (row, column) in zip(covered[1:], corners, strict=True):
        view[
            rows[max(row, 0)] : rows[min(row + 2, _CELLS)], columns[max(column, 0)] : columns[min(column + 2, _CELLS)]
        ] = round(face.mean())
    own = classifier.class_names.index(emotion)
    log_odds = np.array([_log_odds(p) for p in classifier.predict_faces(covered).expression[:, own]])
    lost = (log_odds[0] - log_odds[1:]).reshape(_CELLS + 1, _CELLS + 1)
    # Each cell is covered by four squares.
    evidence = (lost[:-1, :-1] + lost[1:, :-1] + lost[:-1, 1:] + lost[1:, 1:]) / 4
    return FaceMap(emotion, evidence.astype(np.float32), float(log_odds[0]), 0.0, OCCLUSION)


def _log_odds(probability: float) -> float:
    clipped = min(max(float(probability), PROBABILITY_FLOOR), 1 - PROBABILITY_FLOOR)
    return float(np.log(clipped / (1 - clipped)))


def _features_of(classifier: Classifier, features: FeatureSpec) -> onnxruntime.InferenceSession:
    layers = (name for pair in features.layers.values() for name in pair)
    return _open(classifier.path, classifier.spec.onnx_sha256, features.output, *layers)


@functools.lru_cache(maxsize=8)
def _open(path: Path, sha256: str, *names: str) -> onnxruntime.InferenceSession:
    """Open a model a second time, with its features among its outputs; the file itself is not changed."""
    content = read_network(path, FIX)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise MoueError(f"{path} has changed since it was loaded", "the same network", "Load it again.")
    return open_session(with_outputs(content, names), path, threads=usable_cpus(), fix=FIX)
