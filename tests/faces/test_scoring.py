"""Scores of a detector on labels that can be counted by hand."""

import json

import numpy as np
import pytest
from PIL import Image

from moue.errors import MoueError
from moue.faces.face import Face
from moue.faces.scoring import landmark_errors, pair_faces, read_labels, same_face, score_detector

POINTS = np.array([[12, 18], [36, 18], [24, 28], [16, 38], [32, 38]], np.float32)


class Scripted:
    """Finds the same faces in every image."""

    name = "scripted"

    def __init__(self, *faces):
        self.faces = list(faces)

    def detect(self, image):
        assert image.shape == (60, 90, 3)
        return self.faces


@pytest.fixture
def labels(tmp_path):
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((60, 90), np.uint8)).save(tmp_path / name)
    entries = [
        {"file": "a.png", "faces": [{"box": [0, 0, 40, 40]}], "ignore": [[50, 0, 30, 30]]},
        {"file": "b.png", "faces": [], "tags": ["empty"]},
    ]
    (tmp_path / "labels.json").write_text(json.dumps(entries))
    return tmp_path / "labels.json"


def test_faces_and_false_boxes_are_counted_at_each_threshold(labels):
    faces = (Face(2, 2, 40, 40, face_score=0.95), Face(50, 0, 30, 30, face_score=0.45), Face(9, 50, 9, 9, None, 0.25))
    scores = score_detector(Scripted(*faces), read_labels(labels))
    assert (scores.num_images, scores.num_faces, scores.landmark_error) == (2, 1, None)
    # In a.png the second box is ignored; in b.png all are false.
    expected = {0.1: (1, 4), 0.2: (1, 4), 0.3: (1, 2), 0.4: (1, 2), 0.5: (1, 1), 0.9: (1, 1)}
    assert {row[0]: row[1:] for row in scores.found if row[0] in expected} == expected
    assert json.loads(scores.to_json())["found"][0] == {"score_threshold": 0.1, "found": 1, "false_boxes": 4}


def test_each_box_matches_at_most_one_face():
    labelled = [Face(0, 0, 40, 40), Face(4, 4, 40, 40)]
    assert pair_faces(labelled, [Face(1, 1, 40, 40)]) == ([0, None], [])
    assert pair_faces(labelled, [Face(9, 9, 40, 40), Face(0, 0, 40, 40)]) == ([1, 0], [])
    assert pair_faces([], labelled) == ([], [0, 1])


@pytest.mark.parametrize(
    ("other", "same"),
    [((0, 0, 40, 60), True), ((10, 10, 20, 20), True), ((25, 0, 40, 40), False), ((100, 0, 40, 40), False)],
)
def test_boxes_of_one_face(other, same):
    assert same_face(Face(0, 0, 40, 40), Face(*other)) is same


def test_landmark_errors_are_fractions_of_the_size_of_the_face(labels):
    reference = Face(0, 0, 40, 40, POINTS)
    moved = Face(0, 0, 40, 40, POINTS + np.float32((3, 4)))
    assert landmark_errors([reference], [moved]) == pytest.approx([5 / 40])
    assert landmark_errors([reference], [Face(0, 0, 40, 40)]) == []
    scores = score_detector(Scripted(moved), read_labels(labels), reference=Scripted(reference))
    assert (scores.landmark_error, scores.num_landmarks) == (pytest.approx(0.125), 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "holds no list"),
        ('[{"file": "a.png"}]', "entry 0"),
        ('[{"file": "a.png", "faces": [3]}]', "entry 0"),
        ('[{"file": "a.png", "faces": [{"box": [1, 2, 3]}]}]', "four numbers"),
        ("[3]", "entry 0"),
    ],
)
def test_wrong_labels_are_refused(tmp_path, content, words):
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(MoueError, match=words):
        read_labels(tmp_path / "labels.json")


def test_missing_images_are_reported(labels):
    (labels.parent / "b.png").unlink()
    with pytest.raises(MoueError, match=r"b\.png: no such file"):
        score_detector(Scripted(), read_labels(labels))
    with pytest.raises(MoueError, match="no labelled images"):
        score_detector(Scripted(), [])


def test_the_command(labels, moue):
    code, out, _ = moue("detector", "evaluate", labels, "--detector", "own")
    assert code == 0
    assert "own: 2 images" in out
    assert len(out.splitlines()) == 12
    code, out, _ = moue("detector", "evaluate", labels, "--detector", "own", "--json")
    assert json.loads(out)["num_faces"] == 1
    code, _, err = moue("detector", "evaluate", labels.parent / "none.json")
    assert (code, "none.json" in err) == (1, True)
