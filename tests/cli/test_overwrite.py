"""Without --overwrite, no existing file is replaced, and no second output is written either."""

from __future__ import annotations

import pytest
from PIL import Image

from helpers.data import make_dataset
from moue.data.write import write_csv

WRITERS = {
    "a table": (("predict", "{face}", "--output", "out.csv"), ("out.csv",)),
    "a drawn image": (("predict", "{face}", "--annotate", "drawn"), ("drawn/face.jpg",)),
    "maps": (("explain", "{face}", "--output", "why.png"), ("why.png",)),
    "lines of the camera": (("webcam", "--headless", "--source", "{face}", "--output", "live.csv"), ("live.csv",)),
    "an evaluation": (
        ("evaluate", "{run}", "{table}", "--out", "scores"),
        ("scores/evaluation.json", "scores/predictions.npz"),
    ),
    "a repository": (
        ("publish", "{run}", "hub"),
        ("hub/model.onnx", "hub/model.json", "hub/README.md"),
    ),
    "a page about a model": (("report", "{run}/model.onnx", "--output", "page.html"), ("page.html",)),
    "findings": (
        ("data", "audit", "{table}", "--output", "found.json", "--report", "found.html"),
        ("found.json", "found.html"),
    ),
    "a data set": (("data", "synth", "faces.csv"), ("faces.csv",)),
    "a sheet": (("data", "sheet", "{table}", "--output", "sheet.png"), ("sheet.png",)),
    "the votes": (("data", "get", "ferplus", "--output", "votes.csv"), ("votes.csv",)),
    "drawn faces": (("doctor", "--write-faces", "drawn"), ("drawn/01-angry.png", "drawn/14-neutral.png")),
    "shares": (("predict", "{face}", "--aggregate", "--output", "shares.csv"), ("shares.csv",)),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, run_folder):
    folder = tmp_path_factory.mktemp("inputs")
    write_csv(make_dataset(), folder / "table.csv")
    Image.new("L", (48, 48), 90).save(folder / "face.png")
    return {"table": folder / "table.csv", "face": folder / "face.png", "run": run_folder}


@pytest.mark.parametrize(
    ("words", "file"),
    [(words, file) for words, files in WRITERS.values() for file in files],
    ids=lambda value: value[-1],
)
def test_existing_files_stay(moue, inputs, words, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / file
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    code, printed, err = moue(*(word.format(**inputs) for word in words))
    assert mine.read_text() == "mine"
    assert "already exists" in err + printed
    assert code == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine], "no partial output"
