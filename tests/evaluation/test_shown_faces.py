"""Which faces a report shows."""

import numpy as np

from moue.evaluation.shown_faces import correct_faces, wrong_faces


def test_correct_faces_by_confidence_and_the_most_confident_mistakes():
    y_true = np.array([0, 0, 0, 1, 1])
    y_prob = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.95, 0.05]])
    chosen = correct_faces(y_true, y_prob, count=1)
    assert {label: index.tolist() for label, index in chosen.items()} == {0: [1], 1: [3]}
    assert correct_faces(y_true, y_prob)[0].tolist() == [1, 0]
    assert wrong_faces(y_true, y_prob).tolist() == [4, 2]
    assert wrong_faces(y_true, y_prob, count=1).tolist() == [4]
