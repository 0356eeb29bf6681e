"""`evaluate` on a small synthetic data set with known twins and votes, and on FER2013 if it is available."""

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.onnx_model import save_run
from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.data.dataset import Dataset
from moue.data.synthetic.dataset import synthesize
from moue.errors import MoueError
from moue.evaluation.evaluate import Evaluation, evaluate
from moue.evaluation.metrics import score
from moue.evaluation.references import score_reference
from moue.evaluation.tta import with_views
from moue.heads import PERCEIVED
from moue.labels import CLASS_NAMES, FERPLUS_NAMES
from moue.probabilities import apply_temperature
from moue.votes import majority_labels

TRAIN, VAL, TEST = 40, 10, 30


def make_dataset(*, votes: bool = True) -> Dataset:
    """Faces whose first pixel is their label; the first four test faces are copies of training faces."""
    rng = np.random.default_rng(0)
    size = TRAIN + VAL + TEST
    images = rng.integers(0, 256, (size, 48, 48, 1), dtype=np.uint8)
    labels = rng.integers(0, 7, size).astype(np.uint8)
    labels[:20] = 3
    images[:, 0, 0, 0] = labels
    images[TRAIN + VAL : TRAIN + VAL + 4] = images[:4]
    labels[TRAIN + VAL : TRAIN + VAL + 4] = labels[:4]
    table = np.zeros((size, 10), np.uint8)
    order = [FERPLUS_NAMES.index(name) for name in CLASS_NAMES]
    table[np.arange(size), np.array(order)[labels]] = 10
    return Dataset(
        images=images,
        labels=labels,
        split=np.array(["train"] * TRAIN + ["val"] * VAL + ["test"] * TEST, dtype="<U5"),
        rows=np.arange(size, dtype=np.int64) + 1000,
        votes=table if votes else None,
        source="made up",
    )


def read_label(images):
    """A model that is correct except on faces with an odd second pixel, for which it predicts happy."""
    y_pred = np.where(images[:, 0, 1, 0] % 2 == 1, 3, images[:, 0, 0, 0])
    return (0.04 + 0.72 * np.eye(7)[y_pred]).astype(np.float32)


def test_all_sets_are_scored_from_one_pass():
    dataset = make_dataset()
    sizes, steps = [], []

    def predict(images):
        sizes.append(len(images))
        return read_label(images)

    result = evaluate(predict, dataset, batch_size=8, progress=lambda *step: steps.append(step))
    assert sizes == [8, 8, 8, 6]
    assert steps == [(8, 30), (16, 30), (24, 30), (30, 30)]
    test = dataset.subset("test")
    right = read_label(test.images).argmax(axis=1) == test.labels
    assert result.official.accuracy == pytest.approx(right.mean())
    assert result.without_twins.num_faces == 26 == len(dataset.without_twins("test"))
    assert result.without_twins.accuracy == pytest.approx(right[4:].mean())
    assert result.baseline.class_name == "happy"
    assert result.baseline.accuracy == pytest.approx((test.labels == 3).mean())
    assert result.ferplus.label_agreement == 1.0
    assert result.ferplus.scores.accuracy == pytest.approx(right.mean())
    assert (result.split, result.num_views, result.checksum) == ("test", 1, dataset.checksum)
    assert (result.rows == test.rows).all()
    assert (result.source, result.split_rule) == ("made up", "Usage column")


def test_scores_that_need_missing_data_are_none():
    assert evaluate(read_label, make_dataset(votes=False)).ferplus is None
    alone = evaluate(read_label, make_dataset().subset("test"))
    assert alone.without_twins is None
    assert alone.baseline is None
    assert evaluate(read_label, make_dataset(), split="train").without_twins is None


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        (lambda images: np.full((len(images), 6), 1 / 6), "one probability for each of angry"),
        (lambda images: np.full((len(images) - 1, 7), 1 / 7), "the model returned"),
        (lambda images: np.full((len(images), 7), np.nan), "not finite"),
        (lambda images: np.arange(7.0) + np.zeros((len(images), 1)), "softmax"),
    ],
)
def test_a_model_with_invalid_output_is_refused(predict, message):
    with pytest.raises(MoueError) as error:
        evaluate(predict, make_dataset())
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"split": "PrivateTest"}, "split"), ({"batch_size": 0}, "batch size"), ({"split": "val"}, "no val faces")],
)
def test_invalid_arguments_are_refused(options, message):
    with pytest.raises(MoueError, match=message):
        evaluate(read_label, make_dataset().subset("test"), **options)


def test_loading_returns_what_was_saved(tmp_path):
    result = evaluate(read_label, make_dataset())
    assert result.save(tmp_path / "evaluation") == tmp_path / "evaluation"
    again = Evaluation.load(tmp_path / "evaluation")
    assert again.to_dict() == result.to_dict()
    for name in ("y_true", "y_prob", "rows", "face_index", "face_images"):
        assert getattr(again, name).dtype == getattr(result, name).dtype
        assert (getattr(again, name) == getattr(result, name)).all()
    with pytest.raises(MoueError, match="already exists"):
        result.save(tmp_path / "evaluation")
    result.save(tmp_path / "evaluation", overwrite=True)


def damage_json(folder):
    content = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    del content["official"]["nll"]
    (folder / "evaluation.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "predictions.npz").write_bytes(b"PK"), "does not belong"),
        (lambda folder: (folder / "predictions.npz").unlink(), "cannot read"),
        (lambda folder: (folder / "evaluation.json").unlink(), "cannot read"),
        (lambda folder: (folder / "evaluation.json").write_text("{}", encoding="utf-8"), "not an evaluation"),
        (lambda folder: (folder / "evaluation.json").write_text('{"format": 2}', encoding="utf-8"), "lacks a field"),
        (damage_json, "not moue's scores"),
    ],
)
def test_damaged_folders_are_refused(tmp_path, damage, message):
    evaluate(read_label, make_dataset()).save(tmp_path)
    damage(tmp_path)
    with pytest.raises(MoueError, match=message):
        Evaluation.load(tmp_path)


def places(content, path=()):
    """Yield the path to every value of a JSON file, but only to the first two of a list."""
    inner = (
        content.items() if isinstance(content, dict) else enumerate(content[:2]) if isinstance(content, list) else ()
    )
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return evaluate(read_label, make_dataset()).save(tmp_path_factory.mktemp("runs") / "evaluation")


@settings(max_examples=150)
@given(
    data=st.data(),
    value=st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.none(), max_size=2) | st.just({}),
)
def test_a_tampered_evaluation_is_refused_or_printed(saved, tmp_path_factory, data, value):
    content = json.loads((saved / "evaluation.json").read_text(encoding="utf-8"))
    path = data.draw(st.sampled_from(list(places(content))))
    parent = content
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    folder = tmp_path_factory.mktemp("tampered")
    (folder / "predictions.npz").write_bytes((saved / "predictions.npz").read_bytes())
    (folder / "evaluation.json").write_text(json.dumps(content), encoding="utf-8")
    try:
        again = Evaluation.load(folder)
    except MoueError:
        return
    assert again.table()
    assert repr(again)
    assert again.to_dict()


def test_table_names_sets_and_classes():
    text = evaluate(read_label, make_dataset()).table()
    for part in ("test split", "no twins in train", "FER+ majority", "always 'happy'", *CLASS_NAMES):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("votes", "name"),
    [
        ({"happy": 10}, "happy"),
        ({"happy": 5, "neutral": 4, "sad": 1}, "happy"),  # single votes are dropped, so 5 of 9 remain
        ({"happy": 5, "neutral": 5}, None),
        ({"happy": 4, "neutral": 3, "sad": 3}, None),
        ({"sad": 2, **dict.fromkeys(("neutral", "happy", "fear", "angry", "disgust"), 1)}, "sad"),
        (dict.fromkeys(FERPLUS_NAMES, 1), None),
        ({}, None),
        ({"contempt": 9}, None),
        ({"unknown": 9}, None),
        ({"not_face": 10}, None),
        ({"fear": 6, "unknown": 4}, "fear"),
    ],
)
def test_ferplus_majority(votes, name):
    row = np.array([[votes.get(column, 0) for column in FERPLUS_NAMES]], dtype=np.uint8)
    expected = -1 if name is None else CLASS_NAMES.index(name)
    assert majority_labels(row, CLASS_NAMES).tolist() == [expected]


def test_the_perceived_head_is_scored_on_eight_classes():
    dataset = make_dataset()
    test = dataset.where("test")
    dataset.votes[test[0]] = 10 * np.eye(10, dtype=np.uint8)[FERPLUS_NAMES.index("contempt")]
    dataset.votes[test[1]] = 10 * np.eye(10, dtype=np.uint8)[FERPLUS_NAMES.index("not_face")]
    order = np.array([FERPLUS_NAMES.index(name) for name in CLASS_NAMES])

    faces = dataset.take(test)
    # Half of the probability is on "not a face", which must not count.
    y_prob = 0.5 * np.eye(10)[order[read_label(faces.images).argmax(axis=1)]] + 0.5 * np.eye(10)[9]
    result = score_reference(PERCEIVED.reference(faces, y_prob), faces)
    assert result.scores.class_names == FERPLUS_NAMES[:8]
    assert result.scores.num_faces == TEST - 1
    right = read_label(faces.images).argmax(axis=1) == faces.labels
    assert result.scores.accuracy == pytest.approx(right[2:].sum() / (TEST - 1))
    assert result.label_agreement == pytest.approx((TEST - 2) / (TEST - 1))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return Classifier.load(save_run(tmp_path_factory.mktemp("run"), temperature=2.0, expression={"temperature": 0.5}))


@pytest.mark.parametrize("views", ["single", "flip"])
def test_every_head_of_a_model_is_scored(classifier, views, tmp_path):
    """The first head is scored against the labels, the others and `expression` against the FER+ votes."""
    dataset = make_dataset()
    result = evaluate(classifier, dataset, views=views)
    images = dataset.subset("test").images
    raw = with_views(lambda view: classifier.predict_proba(view, head="emotion", calibrated=False), views)(images)
    np.testing.assert_allclose(result.y_prob, raw, atol=1e-6)
    assert result.accuracy == result.official.accuracy == (raw.argmax(axis=1) == result.y_true).mean()
    assert result.views == views
    assert list(result.heads) == ["expression", "perceived"]
    assert len(result.heads["expression"].scores.class_names) == 7
    assert len(result.heads["perceived"].scores.class_names) == 8
    expression = with_views(classifier.predict_proba, views)(images)
    assert result.heads["expression"].scores.nll == pytest.approx(score(result.y_true, expression).nll, rel=1e-4)
    for name in ("expression, FER+ of 7", "perceived, FER+ of 8"):
        assert name in result.table()
    assert (result.temperature, result.members) == (2.0, ())
    expected = score(result.y_true, apply_temperature(result.y_prob, 2.0)).nll
    assert result.calibrated().nll == pytest.approx(expected)
    again = Evaluation.load(result.save(tmp_path))
    assert again.to_dict() == result.to_dict()
    assert "accuracy" in repr(again)


def test_without_votes_the_expression_is_scored_against_the_labels(classifier):
    result = evaluate(classifier, make_dataset(votes=False))
    assert list(result.heads) == ["expression"]
    assert "expression, labels" in result.table()


def test_an_ensemble_is_scored_by_calibrated_probabilities(classifier):
    ensemble = Ensemble([classifier, classifier])
    result = evaluate(ensemble, make_dataset())
    images = make_dataset().subset("test").images
    np.testing.assert_allclose(result.y_prob, classifier.predict_proba(images, head="emotion"), atol=1e-6)
    assert (len(result.members), result.temperature, result.calibrated()) == (2, None, None)


def test_votes_of_the_wrong_shape_are_refused():
    with pytest.raises(MoueError, match="votes are"):
        majority_labels(np.zeros((3, 8), np.uint8), CLASS_NAMES)


@pytest.mark.skipif("MOUE_FER2013" not in os.environ, reason="MOUE_FER2013 does not name the real fer2013.csv")
def test_fer2013_has_its_known_twins_and_baseline():
    from moue.data.load import load_fer2013

    dataset = load_fer2013(os.environ["MOUE_FER2013"])
    result = evaluate(lambda images: np.full((len(images), 7), 1 / 7) + 0.01 * (np.eye(7)[3] - 1 / 7), dataset)
    assert (result.official.num_faces, result.without_twins.num_faces) == (3589, 3301)
    assert result.baseline.class_name == "happy"
    assert result.baseline.accuracy == pytest.approx(result.official.accuracy) == pytest.approx(879 / 3589)


def test_a_model_name_is_loaded_and_other_types_are_refused():
    faces = synthesize(6)
    assert evaluate("small", faces, split="val").table() == evaluate(Classifier.load(), faces, split="val").table()
    with pytest.raises(MoueError, match="the model is of type NoneType"):
        evaluate(None, faces)
    with pytest.raises(MoueError, match="the data is of type str"):
        evaluate("small", "few.csv")
