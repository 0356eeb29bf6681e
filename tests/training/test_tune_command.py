"""The command `moue tune`."""

from __future__ import annotations

import pytest

from helpers.data import make_dataset
from moue.data.write import write_csv

pytest.importorskip("optuna", reason="tuning needs the extra 'tune'")
pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from helpers import tuning
from moue.training.config import TrainConfig

RECIPE = """
epochs = 4
learning_rate = 0.001
[search]
learning_rate = { low = 0.0001, high = 1.0, log = true }
model_options.conv_dropout = { low = 0.0, high = 0.5 }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(make_dataset(70, seed=3), tmp_path / "faces.csv")
    (tmp_path / "mine.toml").write_text(RECIPE)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_a_search_prints_its_result_and_the_next_command(moue, monkeypatch):
    tuning.install(monkeypatch, tuning.CheapTraining())
    words = ("tune", "faces.csv", "--recipe", "mine.toml", "--out", "study", "--epochs", 2, "--trials", 6)
    code, out, err = moue(*words)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    lines = err.splitlines()
    assert sum(line.startswith("trial ") for line in lines) == 6
    assert "the recipe" in lines[0] or "the recipe" in lines[1]
    assert "wrote study/best.toml" in lines
    assert lines[-1] == "next: moue train faces.csv --recipe study/best.toml --out runs/best --epochs 4"
    assert TrainConfig.from_recipe("study/best.toml").epochs == 2
    code, again, _ = moue(*words)
    assert (code, again) == (0, out)


@pytest.mark.usefixtures("folder")
def test_ctrl_c_prints_how_to_continue(moue, monkeypatch):
    def stop(_config, epoch):
        if epoch == 2:
            raise KeyboardInterrupt

    tuning.install(monkeypatch, tuning.CheapTraining(stop=stop))
    code, _, err = moue("tune", "faces.csv", "--recipe", "mine.toml", "--out", "study")
    assert code == 130
    assert err.splitlines()[-1] == "stopped; to continue: moue tune faces.csv --recipe mine.toml --out study"


@pytest.mark.parametrize(
    ("options", "ended", "message"),
    [
        (("--recipe", "mini_xception"), 2, "the recipe mini_xception has no search space"),
        (("--recipe", "mine.toml", "--confirm", "3"), 2, "expected BESTxSEEDS"),
        (("--recipe", "mine.toml", "--fraction", "2"), 2, "above 0 and at most 1"),
        (("--recipe", "mine.toml", "--hours", "0"), 2, "a budget of hours = 0.0"),
        (("--recipe", "small"), 1, "--ferplus"),
        (("--recipe", "mine.toml", "--cpus-per-trial", "2"), 2, "--cpus-per-trial has no effect without --ray"),
        (("--recipe", "mine.toml", "--ray", "127.0.0.1:1"), 1, "no Ray cluster at 127.0.0.1:1"),
    ],
)
def test_wrong_options(folder, moue, options, ended, message):
    code, _, err = moue("tune", "faces.csv", "--out", "study", *options)
    assert code == ended
    assert message in err
    assert not (folder / "study").exists()


@pytest.mark.slow
def test_a_real_search_and_a_training_with_its_result(folder, moue):
    code, _, err = moue(
        "tune", "faces.csv", "--recipe", "mine.toml", "--epochs", 1, "--trials", 2, "--confirm", "1x1",
        "--out", "study", "--set", "batch_size=16",
    )  # fmt: skip
    assert code == 0, err
    best = TrainConfig.from_recipe("study/best.toml")
    assert (best.epochs, best.batch_size, best.model) == (1, 16, "seed_cnn")
    assert {path.name for path in (folder / "study" / "trials").iterdir()} == {"trial-0000", "trial-0001"}
    assert "data:image/png" in (folder / "study" / "study.html").read_text()
    code, _, err = moue("train", "faces.csv", "--recipe", "study/best.toml", "--out", "run")
    assert code == 0, err
    assert (folder / "run" / "model.onnx").exists()
