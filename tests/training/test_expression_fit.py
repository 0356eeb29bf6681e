"""The fit of the layer that computes `expression`."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.classifier.output_spec import HeadSpec
from moue.labels import CLASS_NAMES, FERPLUS_NAMES
from moue.probabilities import softmax
from moue.training.expression import mix_heads
from moue.training.expression_fit import OTHERS_SHARE, FitData, fit_expression, fit_layer

HEADS = (HeadSpec("emotion", "emotion", CLASS_NAMES), HeadSpec("perceived", "perceived", FERPLUS_NAMES))


def test_a_known_layer_is_recovered():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 3))
    layer = np.array([[1.5, -0.5, 0.0, 0.3], [-1.0, 0.7, 0.4, -0.3]])
    targets = softmax(features @ layer[:, :-1].T + layer[:, -1])
    found = fit_layer(features, targets, np.ones(4000), np.zeros((2, 3)))
    # Two classes: only the difference between the rows counts.
    np.testing.assert_allclose(found[0] - found[1], layer[0] - layer[1], atol=0.01)


def test_the_fit_minimises_the_loss():
    rng = np.random.default_rng(1)
    features, targets = rng.normal(size=(200, 4)), rng.dirichlet(np.ones(3), 200)
    weights = rng.uniform(0.1, 2, 200)
    found = fit_layer(features, targets, weights, np.zeros((3, 4)))

    def loss(layer):
        logits = features @ layer[:, :-1].T + layer[:, -1]
        cross_entropy = np.logaddexp.reduce(logits, axis=1) - (targets * logits).sum(axis=1)
        return (weights * cross_entropy).sum() / weights.sum() + 0.5 * 0.3843 / 200 * (layer[:, :-1] ** 2).sum()

    for _ in range(20):
        assert loss(found) <= loss(found + 1e-3 * rng.normal(size=found.shape))


def make_fit_data(num, seed, *, confused=False):
    """Return faces that the heads recognise, except that with `confused` fear looks like uncertain sadness."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num) % 7
    names = np.array(CLASS_NAMES)[labels]
    shown = np.where(confused & (names == "fear"), "sad", names)
    emotion = np.array([[0.76 if own == name else 0.04 for own in CLASS_NAMES] for name in shown])
    perceived = np.array([[0.82 if own == name else 0.02 for own in FERPLUS_NAMES] for name in shown])
    if confused:
        emotion[names == "fear", CLASS_NAMES.index("fear")] += 0.3
    y_prob = {
        name: (rows + rng.uniform(0, 0.01, rows.shape)) / (rows.sum(axis=1, keepdims=True) + 0.005 * rows.shape[1])
        for name, rows in (("emotion", emotion), ("perceived", perceived))
    }
    return FitData(y_prob, np.eye(7)[labels] * 0.9 + 0.1 / 7, labels)


def test_other_faces_pull_the_prediction_towards_their_labels():
    faces, others = make_fit_data(350, 0), make_fit_data(70, 1, confused=True)
    alone, both = (fit_expression(HEADS, CLASS_NAMES, faces, some) for some in (None, others))
    for spec in (alone, both):
        assert (mix_heads(faces.y_prob, spec).argmax(axis=1) == faces.labels).all()
    fear = others.labels == CLASS_NAMES.index("fear")
    predicted = [mix_heads(others.y_prob, spec)[fear].argmax(axis=1) for spec in (alone, both)]
    assert (predicted[0] == CLASS_NAMES.index("sad")).all()
    assert (predicted[1] == CLASS_NAMES.index("fear")).all()
    assert 0 < OTHERS_SHARE < 1


def test_votes_and_labels_become_targets():
    votes = np.zeros((3, 10), np.uint8)
    votes[0, FERPLUS_NAMES.index("happy")], votes[0, FERPLUS_NAMES.index("contempt")] = 6, 4
    votes[1, FERPLUS_NAMES.index("sad")] = 4  # too few
    votes[2, FERPLUS_NAMES.index("sad")], votes[2, FERPLUS_NAMES.index("fear")] = 5, 5
    faces = dataclasses.replace(make_dataset(3), votes=votes)
    y_prob = {"emotion": np.full((3, 7), 1 / 7)}
    found = FitData.of_votes(faces, y_prob)
    assert found.targets[0].tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert found.targets[1, CLASS_NAMES.index("sad")] == 0.5
    assert found.labels.tolist() == [CLASS_NAMES.index("happy"), -1]
    other = FitData.of_labels(dataclasses.replace(faces, class_names=("sad", "x", "happy")), CLASS_NAMES, y_prob)
    expected = [
        CLASS_NAMES.index("sad") if label == 0 else CLASS_NAMES.index("happy") for label in faces.labels if label != 1
    ]
    assert other.labels.tolist() == expected
    assert other.targets.sum(axis=1) == pytest.approx(1)
