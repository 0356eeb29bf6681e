"""The model of the page, and its manifest."""

import json

import pytest

import moue.page
from helpers.onnx_model import save_other, save_run
from moue.classifier.classifier import Classifier
from moue.classifier.spec import ModelSpec
from moue.errors import MoueError
from moue.page.model import PageModel

OWN = ("smile", "no_smile", "happy")


@pytest.fixture
def own(tmp_path):
    """A run with three custom classes."""
    return save_run(tmp_path / "runs" / "mine", class_names=OWN, classes=3)


def test_the_manifest_has_what_the_page_needs_and_nothing_about_the_training(own):
    spec = json.loads((own / "model.json").read_text())
    spec["data"] = {"source": "/home/someone/secret.csv"}
    (own / "model.json").write_text(json.dumps(spec))
    model = PageModel.load(own)
    manifest = json.loads(model.manifest_text())
    assert manifest["name"] == "mine"
    assert tuple(manifest["spec"]["expression"]["class_names"]) == OWN
    assert list(manifest["colors"]) == ["happy", "smile", "no_smile"]
    assert manifest["colors"]["happy"] == "#f0e442"
    assert len(set(manifest["colors"].values())) == 3
    assert model.content == (own / "model.onnx").read_bytes()
    assert manifest["file"] == f"model/{spec['onnx_sha256'][:12]}.onnx"
    assert manifest["bytes"] == len(model.content)
    assert "secret" not in model.manifest_text()


def test_the_accuracy_on_the_page_is_that_of_the_card():
    card = ModelSpec.load(Classifier.load("small").path.with_suffix(".json"))
    manifest = PageModel.load("small").manifest
    assert manifest["accuracy"] == card.scores["test_expression"]["accuracy"]
    assert manifest["name"] == "small"


@pytest.mark.parametrize(
    ("scores", "accuracy"),
    [({}, None), ({"test": {"accuracy": 0.9}}, 0.9), ({"test": {"accuracy": "high"}}, None), ({"test": 1}, None)],
)
def test_a_custom_model_has_an_accuracy_if_it_was_evaluated(own, scores, accuracy):
    spec = json.loads((own / "model.json").read_text()) | {"scores": scores}
    (own / "model.json").write_text(json.dumps(spec))
    assert PageModel.load(own).manifest["accuracy"] == accuracy


def test_the_accuracy_of_one_of_several_heads_is_not_used(tmp_path):
    run = save_run(tmp_path / "two", expression={"shares": {"emotion": 0.5, "perceived": 0.5}})
    spec = json.loads((run / "model.json").read_text()) | {"scores": {"test": {"accuracy": 0.7}}}
    (run / "model.json").write_text(json.dumps(spec))
    assert PageModel.load(run).manifest["accuracy"] is None


def test_a_copy_has_only_the_chosen_model(page, own, tmp_path):
    out = moue.page.copy(tmp_path / "out", model=own)
    model = PageModel.load(own)
    assert [path.name for path in (out / "model").iterdir()] == [model.file.removeprefix("model/")]
    assert (out / model.file).read_bytes() == model.content
    assert json.loads((out / "model.json").read_text()) == json.loads(model.manifest_text())
    listed = json.loads((out / "moue-page.json").read_text())
    assert listed["version"] == "abc"
    assert listed["files"] == ["index.html", "model.json", model.file]
    assert (page / "model" / "0123.onnx").exists()


@pytest.mark.usefixtures("page")
def test_a_model_that_cannot_be_loaded_leaves_no_files(own, tmp_path):
    (own / "model.onnx").write_bytes(b"no network")
    with pytest.raises(MoueError, match="SHA-256"):
        moue.page.copy(tmp_path / "out", model=own)
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_runtime_is_refused(own):
    classifier = Classifier.load(own)
    classifier.path = own / "model.tflite"
    with pytest.raises(MoueError, match=r"cannot run model\.tflite") as caught:
        PageModel.of(classifier, "mine")
    assert "ONNX" in caught.value.expected


def test_a_model_that_moue_did_not_export_is_refused(tmp_path):
    with pytest.raises(MoueError, match=r"cannot run model\.onnx, which moue did not export"):
        PageModel.load(save_other(tmp_path / "other"))


def test_a_model_that_changed_since_it_was_loaded_is_refused(own):
    classifier = Classifier.load(own)
    (own / "model.onnx").write_bytes(b"another")
    with pytest.raises(MoueError, match="has changed"):
        PageModel.of(classifier, "mine")
