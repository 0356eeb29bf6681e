"""The commands as a user types them, and their errors for wrong input."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from moue.data.audit import page as audit_page
from moue.data.load import load_fer2013
from moue.errors import MissingExtraError

COMMANDS = (
    *("webcam", "train", "distill", "evaluate", "report", "export", "models", "recipes", "predict", "download"),
    *("explain", "page", "serve", "tune", "doctor"),
)
DATA_COMMANDS = ("get", "check", "audit", "synth", "sheet")
DETECTOR_COMMANDS = ("train", "evaluate")
WORDS = (
    (),
    *((name,) for name in COMMANDS),
    *(("data", name) for name in DATA_COMMANDS),
    *(("detector", name) for name in DETECTOR_COMMANDS),
)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "faces.csv"
    command = [sys.executable, "-c", "from moue.cli import main; main()", "data", "synth", path, "--per-class", "12"]
    assert "wrote" in subprocess.run(command, capture_output=True, check=True, text=True).stderr
    return path


@pytest.fixture(scope="module")
def run_folder(table, tmp_path_factory):
    pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
    folder = tmp_path_factory.mktemp("runs") / "run"
    code = "from moue.cli import main; main()"
    command = [sys.executable, "-c", code, "train", table, "--out", folder, "--epochs", "1", "--set", "batch_size=32"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert "epoch   1/1  loss" in done.stderr
    assert f"next: moue evaluate {folder}" in done.stderr
    assert "Traceback" not in done.stderr
    assert "cuda" not in done.stderr.lower(), "TensorFlow's own log lines are hidden"
    return folder


@pytest.mark.parametrize("words", WORDS)
def test_every_command_has_help(moue, words):
    code, out, _ = moue(*words, "--help")
    assert code == 0
    assert "Usage:" in out


def test_version(moue):
    assert re.fullmatch(r"moue \d+\.\d+\.\d+\S*\n", moue("--version")[1])


@pytest.mark.slow
def test_evaluate_then_report(moue, run_folder, table):
    code, out, err = moue("evaluate", run_folder, table)
    assert code == 0
    assert "test split" in out
    assert "ECE" in err
    assert (run_folder / "evaluation" / "test" / "evaluation.json").exists()
    code, _, err = moue("evaluate", run_folder, table)
    assert (code, "--overwrite" in err) == (1, True)
    code, _, err = moue("report", run_folder)
    assert code == 0
    page = (run_folder / "report.html").read_text()
    assert f"moue evaluate {run_folder} {table}" in page
    code, _, err = moue("report", run_folder, "--output", run_folder / "report.html")
    assert (code, "--overwrite" in err) == (1, True)


def test_a_closed_pipe_loses_no_result(run_folder, table, tmp_path):
    """`moue … | head` closes the pipe while the table is being printed; the files are still written."""
    scores, findings, page = tmp_path / "scores", tmp_path / "findings.json", tmp_path / "page.html"
    for words in (
        ("evaluate", run_folder, table, "--split", "val", "--out", scores),
        ("data", "audit", table, "--output", findings, "--report", page),
    ):
        command = [sys.executable, "-c", "from moue.cli import main; main()", *map(str, words)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.close()
            assert b"Traceback" not in process.stderr.read()
        assert process.returncode != 0
    assert (scores / "evaluation.json").exists()
    assert findings.exists()
    assert page.exists()


def test_an_audit_prints_its_findings_even_if_the_page_cannot_be_written(moue, table, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise MissingExtraError("jinja2", "report")

    monkeypatch.setattr(audit_page, "write_audit_page", fail)
    code, out, err = moue("data", "audit", table, "--report", tmp_path / "page.html")
    assert (code, "near-duplicates" in out, "jinja2" in err) == (1, True, True)


def test_predict_prints_all_seven_and_writes_rows(moue, run_folder, table, tmp_path):
    Image.fromarray(load_fer2013(table).images[0, ..., 0]).save(tmp_path / "face.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    files = (tmp_path / "face.png", tmp_path / "broken.png", tmp_path / "none.jpg")
    out_file = tmp_path / "rows.csv"
    code, out, err = moue(
        "predict", *files, "--model", run_folder, "--output", out_file, "--detector", "none", "--wide"
    )
    assert code == 0
    assert all(f"{name} " in out for name in ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"))
    assert "treated as one face" in err
    with out_file.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["ok", "unreadable", "not_found"]
    np.testing.assert_allclose(sum(float(rows[0][key]) for key in rows[0] if key.startswith("prob_")), 1, atol=1e-4)
    code, _, err = moue("predict", *files, "--model", run_folder, "--output", out_file, "--detector", "none")
    assert (code, "--overwrite" in err) == (1, True)


def test_a_file_name_is_printed_unchanged(moue, run_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (48, 48)).save("a:x:[red]b.png")
    assert "a:x:[red]b.png" in moue("predict", "a:x:[red]b.png", "--model", run_folder)[1]
    assert "a:x:[red]b.csv" in moue("data", "check", "a:x:[red]b.csv")[2]


def test_export_again(moue, run_folder, table):
    before = json.loads((run_folder / "model.json").read_text())["heads"][0]["temperature"]
    code, _, err = moue("export", run_folder, table)
    assert code == 0
    assert "largest difference" in err
    again = json.loads((run_folder / "model.json").read_text())["heads"][0]["temperature"]
    assert again == pytest.approx(before, rel=1e-3)


def test_audit_writes_page_and_json(moue, table, tmp_path):
    pytest.importorskip("jinja2", reason="the page needs the extra 'report'")
    page, findings = tmp_path / "audit.html", tmp_path / "audit.json"
    code, out, err = moue("data", "audit", table, "--report", page, "--output", findings)
    assert (code, err.count("wrote")) == (0, 2)
    assert "near-duplicates" in out
    assert "<html" in page.read_text()
    assert json.loads(findings.read_text())


def test_sheet_and_check(moue, table, tmp_path):
    assert moue("data", "sheet", table, "--output", tmp_path / "sheet.png")[0] == 0
    assert Image.open(tmp_path / "sheet.png").height > 7 * 48
    code, out, _ = moue("data", "check", table)
    assert code == 1
    assert "35,887" in out


def test_get_names_sources_and_terms(moue):
    code, out, _ = moue("data", "get")
    assert code == 0
    assert "Goodfellow et al. 2013" in out
    assert "MIT" in out


def test_models_and_recipes(moue):
    pytest.importorskip("tensorflow", reason="building needs the extra 'train'")
    assert "716,551" in moue("models")[1]
    assert "seed_cnn" in moue("recipes")[1]
    assert "learning_rate" in moue("recipes", "seed_cnn")[1]


WRONG = {
    "no such file": (("data", "audit", "none.csv"), 1, "cannot read none.csv"),
    "not a table": (("data", "check", __file__), 1, "no column emotion"),
    "no such run": (("evaluate", "runs/none", "{table}"), 1, "runs/none"),
    "no run to report": (("report", "runs/none"), 1, "runs/none"),
    "no such recipe": (("train", "{table}", "--out", "{tmp}/x", "--recipe", "best"), 2, "one of"),
    "no such choice": (("train", "{table}", "--out", "{tmp}/x", "--set", "epoch=3"), 2, "unknown setting: epoch"),
    "a choice of another kind": (("train", "{table}", "--out", "{tmp}/x", "--set", "epochs=abc"), 2, "epochs = 'abc'"),
    "a recipe with a wrong choice": (
        ("train", "{table}", "--out", "{tmp}/x", "--recipe", "{tmp}/wrong.toml"),
        1,
        "wrong.toml: epochs = 0",
    ),
    "no frames per second": (("predict", __file__, "--fps", "0"), 2, "fps is 0"),
    "a choice without value": (("train", "{table}", "--out", "{tmp}/x", "--set", "epochs"), 2, "NAME=VALUE"),
    "no such model": (("predict", __file__, "--model", "huge"), 1, "huge"),
    "an unknown suffix": (("predict", __file__, "--model", "x", "--output", "a.xlsx"), 2, ".csv"),
    "an unknown split": (("evaluate", "{tmp}", "{table}", "--split", "dev"), 2, "dev"),
    "nothing to resume": (("train", "{tmp}", "--out", "{tmp}/x", "--resume"), 1, "no run to resume"),
    "no votes": (("train", "{tmp}", "--out", "{tmp}/x", "--recipe", "small"), 1, "the data has no FER+ votes"),
    "an existing table": (("data", "synth", "{table}"), 1, "--overwrite"),
    "too few faces": (("data", "synth", "{tmp}/x.csv", "--per-class", "1"), 2, "per-class"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_gives_a_clear_error_and_an_exit_code(moue, table, tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.toml").write_text("epochs = 0\n")
    words, expected, message = WRONG[name]
    code, out, err = moue(*(word.format(table=table, tmp=tmp_path) for word in words))
    assert code == expected
    assert message in err
    assert "Traceback" not in out + err


def test_outputs_of_an_unknown_kind_and_empty_names_are_refused_before_any_work(moue, table, tmp_path):
    for expected, *words in (
        (2, "data", "sheet", table, "--output", tmp_path / "a.xyz"),
        (2, "data", "audit", table, "--report", tmp_path / "a.pdf"),
        (2, "report", "small", "--output", tmp_path / "a.pdf"),
        (2, "explain", tmp_path / "none.png", "--output", tmp_path / "a.pdf"),
        (1, "data", "check", ""),
        (1, "predict", ""),
    ):
        code, out, err = moue(*words)
        assert (code, out) == (expected, ""), words
        assert "expected" in err
    assert not list(tmp_path.iterdir())
    code, _, _ = moue("data", "sheet", table, "--per-class", "1000000", "--output", tmp_path / "a.png")
    assert code == 0
    assert Image.open(tmp_path / "a.png").width < 3000


def test_an_empty_folder_is_named(moue, tmp_path):
    (tmp_path / "empty").mkdir()
    Image.new("L", (48, 48), 90).save(tmp_path / "a.png")
    code, _, err = moue("predict", tmp_path / "empty", tmp_path / "a.png", "--detector", "none")
    assert (code, f"{tmp_path / 'empty'}: contains no images or videos" in err) == (0, True)


def test_a_used_folder_is_refused_before_the_data_is_read(moue, tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").write_text("mine")
    code, _, err = moue("train", tmp_path / "none.csv", "--out", tmp_path / "used")
    assert (code, "already exists" in err, "none.csv" in err) == (1, True, False)
