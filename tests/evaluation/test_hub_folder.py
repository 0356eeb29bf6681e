"""The folder for a model hub."""

import numpy as np

from helpers.onnx_model import save_run
from moue.classifier.classifier import Classifier
from moue.files import sha256_of


def test_the_folder_holds_the_model_and_a_card_with_its_checksum(moue, tmp_path):
    run, out = save_run(tmp_path / "run"), tmp_path / "hub"
    assert moue("publish", run, out)[0] == 0
    assert {file.name for file in out.iterdir()} == {"model.onnx", "model.json", "README.md"}
    faces = np.zeros((2, 48, 48), np.uint8)
    np.testing.assert_array_equal(Classifier.load(out).predict_proba(faces), Classifier.load(run).predict_proba(faces))
    card = (out / "README.md").read_text()
    assert f'sha256="{sha256_of(out / "model.json")}"' in card
    assert "angry, disgust, fear, happy, sad, surprise, neutral" in card


def test_existing_files_are_kept(moue, tmp_path):
    run = save_run(tmp_path / "run")
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "README.md").write_text("mine")
    code, _, stderr = moue("publish", run, tmp_path / "hub")
    assert (code, "already exists" in stderr) == (1, True)
    assert not (tmp_path / "hub" / "model.onnx").exists()
    assert moue("publish", run, tmp_path / "hub", "--overwrite")[0] == 0
    assert "is the folder of the model itself" in moue("publish", run, run, "--overwrite")[2]
