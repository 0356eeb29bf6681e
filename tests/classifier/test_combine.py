"""How the two heads answer together for faces in photographs."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import onnx_model
from moue.classifier.classifier import Classifier
from moue.classifier.combine import answer_faces
from moue.classifier.spec import ModelSpec, PhotoSpec
from moue.errors import MoueError
from moue.faces import Face, make_detector
from moue.labels import CLASS_NAMES, FERPLUS_NAMES
from moue.recognition.analyzer import Analyzer

FACES = np.random.default_rng(5).integers(0, 256, (6, 48, 48), np.uint8)
COLUMNS = [FERPLUS_NAMES.index(name) for name in CLASS_NAMES]


def load(folder, **photographs):
    return Classifier.load(onnx_model.save_run(folder, photographs=PhotoSpec(**photographs)), threads=1)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_heads_are_averaged_over_the_seven_classes(tmp_path, share):
    model = load(tmp_path, perceived_share=share)
    emotion, perceived = model.predict_proba(FACES), model.predict_proba(FACES, head="perceived")[:, COLUMNS]
    expected = (1 - share) * emotion + share * perceived / perceived.sum(axis=1, keepdims=True)
    answers = answer_faces(model, [[face] for face in FACES])
    assert [list(answer.probabilities) for answer in answers] == [list(CLASS_NAMES)] * len(FACES)
    np.testing.assert_allclose([list(answer.probabilities.values()) for answer in answers], expected, atol=1e-6)


def test_a_temperature_sharpens_what_was_mixed(tmp_path):
    plain = answer_faces(load(tmp_path / "1", perceived_share=0.5), [[FACES[0]]])[0].probabilities
    sharp = answer_faces(load(tmp_path / "2", perceived_share=0.5, temperature=0.5), [[FACES[0]]])[0].probabilities
    total = sum(value**2 for value in plain.values())
    assert sharp == pytest.approx({name: value**2 / total for name, value in plain.items()}, abs=1e-6)


def test_views_of_a_face_are_averaged(tmp_path):
    model = load(tmp_path, perceived_share=0.5, not_face_above=0.9)
    single = answer_faces(model, [[face] for face in FACES[:3]])
    (joined,) = answer_faces(model, [FACES[:3]])
    for name in CLASS_NAMES:
        assert joined.probabilities[name] == pytest.approx(np.mean([one.probabilities[name] for one in single]))
    assert joined.not_face == pytest.approx(np.mean([one.not_face for one in single]))
    assert 0 < joined.not_face < 1
    assert answer_faces(model, []) == []


def test_all_heads_come_from_one_pass_as_from_single_ones(tmp_path):
    model = load(tmp_path, perceived_share=0.5)
    heads = model.predict_heads(FACES, batch_size=4)
    assert list(heads) == ["emotion", "perceived"]
    for name, y_prob in heads.items():
        np.testing.assert_allclose(y_prob, model.predict_proba(FACES, head=name), atol=1e-6)
    assert {name: len(y_prob) for name, y_prob in model.predict_heads([]).items()} == {"emotion": 0, "perceived": 0}


class OneFace:
    name = "one"

    def detect(self, image):
        return [Face(0, 0, image.shape[1], image.shape[0])]


@pytest.mark.parametrize(("most", "num_faces"), [(1.0, 1), (0.0, 0)])
def test_what_is_no_face_is_dropped_where_a_detector_found_it(tmp_path, most, num_faces):
    picture = np.random.default_rng(1).integers(0, 256, (90, 90), np.uint8)
    model = load(tmp_path, not_face_above=most)
    result = Analyzer(model, OneFace()).analyze(picture)
    assert (len(result.faces), result.status) == (num_faces, "ok" if num_faces else "no_face")
    # The caller's own boxes and pictures that are the face are believed.
    assert len(Analyzer(model, OneFace()).analyze(picture, boxes=[(1, 1, 80, 80)]).faces) == 1
    assert len(Analyzer(model, make_detector("none")).analyze(picture).faces) == 1


@pytest.mark.parametrize("value", [-0.1, 1.1, "1", True, float("nan")])
@pytest.mark.parametrize("field", ["perceived_share", "not_face_above"])
def test_wrong_values_are_refused(field, value):
    with pytest.raises(MoueError, match=f"photographs.{field}"):
        PhotoSpec(**{field: value})


def test_rare_classes_are_weighed_up(tmp_path):
    weights = (1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    plain = answer_faces(load(tmp_path / "1", perceived_share=0.5), [[FACES[0]]])[0].probabilities
    weighed = answer_faces(load(tmp_path / "2", perceived_share=0.5, class_weights=weights), [[FACES[0]]])[0]
    total = 1 + 8 * plain["disgust"]
    assert weighed.probabilities["disgust"] == pytest.approx(9 * plain["disgust"] / total, abs=1e-6)
    assert sum(weighed.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize("field", [{"temperature": 0}, {"class_weights": (1, 0)}, {"class_weights": 3}])
def test_weights_and_temperature_are_above_zero(field):
    with pytest.raises(MoueError, match=rf"photographs.{next(iter(field))}"):
        PhotoSpec(**field)


def test_there_is_a_weight_for_each_class(tmp_path):
    content = load(tmp_path, perceived_share=0.5).spec.to_dict()
    with pytest.raises(MoueError, match="2 class_weights"):
        ModelSpec.from_dict({**content, "photographs": {"class_weights": [1, 2]}})


def test_the_description_keeps_it_and_asks_for_the_head(tmp_path):
    spec = load(tmp_path, perceived_share=0.7, not_face_above=0.8).spec
    content = spec.to_dict()
    assert content["photographs"] == {
        "perceived_share": 0.7,
        "temperature": 1.0,
        "class_weights": [],
        "not_face_above": 0.8,
    }
    assert ModelSpec.from_dict(content) == spec
    older = {key: value for key, value in content.items() if key != "photographs"}
    assert ModelSpec.from_dict(older).photographs == PhotoSpec()
    with pytest.raises(MoueError, match="no head 'perceived'"):
        ModelSpec.from_dict({**content, "heads": content["heads"][:1]})
    fewer = {**content["heads"][1], "class_names": list(FERPLUS_NAMES[1:])}
    with pytest.raises(MoueError, match="does not know neutral"):
        ModelSpec.from_dict({**content, "heads": [content["heads"][0], fewer]})
