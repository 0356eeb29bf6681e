"""Reports of run folders in every state, and of exported models."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.history import HISTORY
from moue.classifier.classifier import Classifier
from moue.classifier.locate import WEIGHTS
from moue.data.dataset import Dataset
from moue.errors import MoueError
from moue.evaluation import report
from moue.evaluation.evaluate import evaluate
from moue.evaluation.report import write_report
from moue.files import write_json

pytest.importorskip("matplotlib", reason="needs the extra 'report'")

pytest.importorskip("jinja2", reason="needs the extra 'report'")


def make_dataset() -> Dataset:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (90, 48, 48, 1), dtype=np.uint8)
    return Dataset(
        images=images,
        labels=(np.arange(90) % 7).astype(np.uint8),
        split=np.array(["train"] * 40 + ["val"] * 20 + ["test"] * 30, dtype="<U5"),
        rows=np.arange(90, dtype=np.int64),
        votes=np.tile(np.array([6, 3, 0, 0, 0, 0, 0, 0, 1, 0], dtype=np.uint8), (90, 1)),
        source="made <up> & small",
    )


def predict(images):
    raw = images[:, 0, :7, 0].astype(np.float64) + 1
    return raw / raw.sum(axis=1, keepdims=True)


def make_run(path, **environment):
    path.mkdir(parents=True, exist_ok=True)
    write_json(path / "config.json", {"model": "seed_cnn", "recipe": "", "seed": 3, "model_options": {"dropout": 0.5}})
    write_json(path / "history.json", HISTORY)
    if environment:
        write_json(path / "environment.json", environment)
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The text of a full report."""
    dataset = make_dataset()
    run = make_run(
        tmp_path_factory.mktemp("runs") / "first",
        versions={"moue": "0.1.0", "keras": "3.15.1"},
        cpu="a <b>processor</b>",
        platform="Linux",
        data={"source": dataset.source, "checksum": dataset.checksum, "rows": 90},
        command="moue train data.csv --out runs/first",
        seconds_total=3725.0,
        best_epoch=2,
        best_val_accuracy=0.45,
    )
    evaluate(predict, dataset, split="val").save(run / "evaluation" / "val")
    command = "moue evaluate runs/first data.csv"
    test = dataclasses.replace(evaluate(predict, dataset), command=command, temperature=1.7)
    test.save(run / "evaluation")
    assert write_report(run) == run / "report.html"
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "Test accuracy",
        "30 faces of the test split, 1 view (single) each",
        "val split",
        "no twins in train",
        "FER+ majority",
        "always predicting",
        "T = 1.70",
        "15 equal-width bins",
        "epoch 2, the highest validation accuracy (45.0\N{NO-BREAK SPACE}%)",
        "1 h 02 min",
        "moue train data.csv --out runs/first",
        "moue evaluate runs/first data.csv",
        "3.15.1",
        "An expression is not a feeling",
        "European Union",
        "microsoft/FERPlus",
        "Most confident mistakes",
    ],
)
def test_page_contains(page, text):
    assert text in page


def test_page_is_escaped_and_self_contained(page):
    assert "made &lt;up&gt; &amp; small" in page
    assert "a &lt;b&gt;processor&lt;/b&gt;" in page
    links = re.findall(r'(?:src|srcset|href)="([^"]{0,30})', page)
    assert len(links) > 20
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page


def test_page_shows_each_face_once_with_its_prediction(page):
    test = make_dataset().subset("test")
    wrong = int((predict(test.images).argmax(axis=1) != test.labels).sum())
    assert page.count('<figure class="face wrong"') == min(wrong, 24)
    assert page.count('<figure class="face"') == 30 - wrong
    assert page.count("label: ") == min(wrong, 24)


def test_a_run_without_evaluation_says_how_to_get_one(tmp_path):
    run = make_run(tmp_path / "my run")
    output = write_report(run, tmp_path / "page.html")
    text = output.read_text(encoding="utf-8")
    assert "Not evaluated yet" in text
    assert "my run&#39; fer2013.csv" in text
    assert "Most confident mistakes" not in text
    assert text.count('class="plot"') == 2
    with pytest.raises(MoueError, match="already exists"):
        write_report(run, output)


@pytest.mark.slow
def test_a_shipped_model_has_a_report_without_a_run_folder(tmp_path):
    text = write_report("small", tmp_path / "small.html").read_text(encoding="utf-8")
    for part in ("Scores from its JSON file", "emotion, FER2013&#39;s label", "3,589", "70.4", "Not evaluated here"):
        assert part in text
    assert 'class="plot"' not in text
    evaluate(predict, make_dataset()).save(tmp_path / "scores")
    page = write_report("small", tmp_path / "small.html", evaluations=[tmp_path / "scores"], overwrite=True)
    text = page.read_text(encoding="utf-8")
    assert "Test accuracy" in text
    assert "Scored on other data" in text
    evaluate(Classifier.load(threads=1), make_dataset()).save(tmp_path / "own scores")
    page = write_report("small", tmp_path / "small.html", evaluations=[tmp_path / "own scores"], overwrite=True)
    own = page.read_text(encoding="utf-8")
    # Every mistake of the model itself has a class map; those of another model do not.
    assert own.count("the same face; orange parts") == own.count('<figure class="face wrong"') > 0
    assert text.count("the same face; orange parts") < text.count('<figure class="face wrong"')
    with pytest.raises(MoueError, match="--output PAGE"):
        write_report("small")
    with pytest.raises(MoueError, match="does not exist"):
        write_report(tmp_path / "none.onnx", tmp_path / "page.html")


def test_validation_scores_and_other_data_are_marked(tmp_path):
    run = make_run(tmp_path / "run", data={"source": "another", "checksum": "0" * 64}, interrupted=True)
    evaluate(predict, make_dataset(), split="val").save(run / "evaluation")
    text = write_report(run).read_text(encoding="utf-8")
    assert "These numbers are for the 'val' split" in text
    assert "Scored on other data" in text
    assert "This training was interrupted" in text
    assert "have no temperature" in text


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "config.json").unlink(), "not a run folder: config.json is missing"),
        (lambda run: (run / "history.json").unlink(), "not a run folder: history.json is missing"),
        (lambda run: (run / "history.json").write_text("[]", encoding="utf-8"), "no finished epoch"),
        (lambda run: (run / "history.json").write_text("{}", encoding="utf-8"), "holds a dict"),
        (lambda run: (run / "config.json").write_text("{", encoding="utf-8"), "not valid JSON"),
    ],
)
def test_a_folder_that_is_no_run_is_refused(tmp_path, spoil, message):
    run = make_run(tmp_path / "run")
    spoil(run)
    with pytest.raises(MoueError, match=message):
        write_report(run)
    assert not (run / "report.html").exists()


@settings(max_examples=20)
@given(
    data=st.data(),
    value=st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
)
def test_a_damaged_run_is_refused_or_reported(tmp_path_factory, data, value):
    made = {"versions": {"moue": "1"}, "data": {"source": "x", "rows": 3}, "best_epoch": 2}
    run = make_run(tmp_path_factory.mktemp("run"), **made)
    name = data.draw(st.sampled_from(["config.json", "history.json", "environment.json"]))
    content = json.loads((run / name).read_text(encoding="utf-8"))
    part = data.draw(st.sampled_from(content)) if isinstance(content, list) else content
    part[data.draw(st.sampled_from(sorted(part)))] = value
    (run / name).write_text(json.dumps(content), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "figure_uri", lambda _: "data:,")  # encoding PNGs is what takes time
        try:
            assert write_report(run).stat().st_size > 1000
        except MoueError as error:
            assert str(error)  # noqa: PT017 (both outcomes are valid)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(MoueError, match="there is no folder"):
        write_report(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["mine.tflite", "mine.xml"])
def test_files_of_other_formats_have_a_report_too(tmp_path, name):
    shutil.copyfile(WEIGHTS / "small.json", tmp_path / f"{name}.json")
    (tmp_path / name).write_bytes(b"only its description is read")
    evaluate(predict, make_dataset()).save(tmp_path / "scores")
    page = write_report(tmp_path / name, tmp_path / "page.html", evaluations=[tmp_path / "scores"])
    assert "<title>mine" in page.read_text()
