"""A study in its database: shared by processes, and the trials of killed ones retried."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys

import pytest

from helpers.data import make_dataset
from moue.errors import MoueError

pytest.importorskip("optuna", reason="tuning needs the extra 'tune'")
pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from helpers import tuning
from moue.training.config import TrainConfig
from moue.training.tuning import study as study_module
from moue.training.tuning.budget import Budget
from moue.training.tuning.confirm import Confirm
from moue.training.tuning.listener import TuneListener
from moue.training.tuning.options import TuneOptions
from moue.training.tuning.results import row_of
from moue.training.tuning.space import Space
from moue.training.tuning.study import KILLED, SharedStudy
from moue.training.tuning.tune import tune

CONFIG = TrainConfig(recipe="test", epochs=2)
SPACE = Space.from_dict({"learning_rate": {"low": 1e-4, "high": 1.0, "log": True}}, CONFIG)
IDENTITY = {"config": CONFIG.to_dict(), "space": SPACE.to_dict(), "pruner": "median"}
VICTIM = """
import json, os, signal, sys
from pathlib import Path
from moue.training.tuning.budget import Budget
from moue.training.tuning.study import SharedStudy
study = SharedStudy(Path(sys.argv[1]), "", json.loads(sys.argv[2]), None)
with study.at_work():
    for _ in range(3):
        trial = study.next_trial(Budget(trials=4))
        trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
        print(trial.number, flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def in_memory(monkeypatch):
    return tuning.install(monkeypatch, tuning.CheapTraining())


def opened(folder, first=None, identity=IDENTITY):
    return SharedStudy(folder, "", identity, first)


def take_trial(study, budget):
    trial = study.next_trial(budget)
    return trial and (trial, SPACE.suggest(trial))


def test_the_values_of_a_killed_process_are_retried(tmp_path):
    folder = tmp_path / "study"
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, folder, json.dumps(IDENTITY)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as victim:  # fmt: skip
        assert victim.stdout.readline() == "0\n"
        mine = opened(folder)
        with mine.at_work():
            # While the process lives, nobody takes its trial.
            first, _ = take_trial(mine, Budget(trials=2))
            assert first.number == 1
            assert mine.next_trial(Budget(trials=2)) is None
            assert mine.num_running() == 1 + 1
            victim.kill()
            victim.wait()
            assert mine.num_running() == 1
            again, values = take_trial(mine, Budget(trials=2))
    lost = mine.trials()[0]
    assert (row_of(lost).state, lost.params) == (KILLED, values)
    assert row_of(mine.trials()[again.number]).note == "retries trial 0"
    assert again.user_attrs["run"] == lost.user_attrs["run"]
    assert (folder / "study.db").exists()
    assert list((folder / "workers").iterdir()) == []


@pytest.mark.usefixtures("in_memory")
def test_two_processes_share_a_budget(tmp_path):
    one, other = opened(tmp_path / "study"), opened(tmp_path / "study")
    with one.at_work(), other.at_work():
        taken = [take_trial(study, Budget(trials=5)) for study in (one, other, one, other, one, other)]
    assert [trial.number for trial, _ in taken[:5]] == [0, 1, 2, 3, 4]
    assert taken[5] is None
    assert len({values["learning_rate"] for _, values in taken[:5]}) == 5


@pytest.mark.usefixtures("in_memory")
def test_a_trial_of_another_machine_without_heartbeats_counts_as_dead(tmp_path, monkeypatch):
    there, here = opened(tmp_path / "study"), opened(tmp_path / "study")
    monkeypatch.setattr(study_module.platform, "node", lambda: "there")
    with there.at_work():
        take_trial(there, Budget(trials=1))
    monkeypatch.setattr(study_module.platform, "node", lambda: "here")
    with here.at_work():
        assert here.next_trial(Budget(trials=1)) is None
        monkeypatch.setattr(study_module, "HEARTBEAT_TIMEOUT", -1.0)
        trial, _ = take_trial(here, Budget(trials=1))
    assert row_of(here.trials()[trial.number]).note == "retries trial 0"


@pytest.mark.usefixtures("in_memory")
def test_values_that_kill_three_processes_are_not_retried(tmp_path):
    study = opened(tmp_path / "study")
    for _ in range(3):
        with study.at_work():
            take_trial(study, Budget(trials=1))
    with study.at_work():
        assert study.next_trial(Budget(trials=1)) is None
    assert [row_of(trial).state for trial in study.trials()] == [KILLED] * 3


@pytest.mark.usefixtures("in_memory")
def test_a_study_whose_process_was_killed_while_creating_it_counts_as_new(tmp_path):
    study = opened(tmp_path / "study", {"learning_rate": 0.5})
    study.study.set_user_attr("moue", None)  # as before its last step
    joined = opened(tmp_path / "study", {"learning_rate": 0.5})
    assert [trial.params or trial.system_attrs["fixed_params"] for trial in joined.trials()] == [{"learning_rate": 0.5}]
    assert joined.study.user_attrs["moue"] == IDENTITY


def test_a_file_that_is_not_a_database_is_refused(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.db").write_text("these are no tables, and they are long enough to be read" * 20)
    with pytest.raises(MoueError, match=r"cannot open the study in .*study.db: (?s:.*)a SQLite file that moue made"):
        opened(tmp_path / "study")


@pytest.mark.parametrize("name", ["trials.csv", "best.toml", "study.html"])
@pytest.mark.parametrize("storage", ["", "sqlite:///{folder}/elsewhere.db"])
def test_a_new_study_does_not_replace_existing_files(tmp_path, name, storage):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("mine")
    for _ in range(2):  # the first refusal may leave a database without a study
        with pytest.raises(MoueError, match=f"{name} already exists, and .* holds no study"):
            SharedStudy(tmp_path / "mine", storage.format(folder=tmp_path), IDENTITY, None)
    assert [one.name for one in (tmp_path / "mine").iterdir()] == [name]
    assert (tmp_path / "mine" / name).read_text() == "mine"


@pytest.mark.parametrize("url", ["nonsense", "nosuch://user:secret@host/name"])
def test_the_error_about_a_wrong_url_hides_the_password(tmp_path, url):
    with pytest.raises(MoueError, match="cannot open the study in") as caught:
        SharedStudy(tmp_path / "study", url, IDENTITY, None)
    assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_a_study_in_sqlite_with_its_page(tmp_path, monkeypatch):
    """The only test here with all parts: the database, the page, and ten finished trials for importances."""
    monkeypatch.setattr("moue.training.tuning.trial.train", tuning.CheapTraining())
    monkeypatch.setattr("moue.training.tuning.confirm.train", tuning.CheapTraining())
    options = TuneOptions(Budget(trials=10), pruner="none", confirm=Confirm(1, 2), command="moue tune <data>")
    config = dataclasses.replace(CONFIG, epochs=1)
    faces = make_dataset(70, seed=3)
    result = tune(config, faces, tmp_path / "study", space=SPACE, options=options)
    page = (result.out / "study.html").read_text()
    assert page.count("<img") == page.count("<picture>") == 4
    assert 'src="data:image/png;base64,' in page
    assert "http" not in page
    assert "moue tune &lt;data&gt;" in page
    assert f'<div class="value">{result.best.val_loss:.4f}</div>' in page
    again = tune(config, faces, tmp_path / "study", space=SPACE, options=options)
    assert again == result


@pytest.mark.usefixtures("in_memory")
def test_a_waiting_process_takes_over_the_trial_of_one_that_dies(tmp_path, monkeypatch):
    monkeypatch.setattr("moue.training.tuning.tune._POLL_SECONDS", 0.0)
    faces = make_dataset(70, seed=3)
    options = TuneOptions(Budget(trials=2), confirm=Confirm(0, 0))
    tune(CONFIG, faces, tmp_path / "study", space=SPACE, options=dataclasses.replace(options, budget=Budget(trials=1)))
    identity = tuning.stored_identity(tmp_path / "study")
    other, notified, working = opened(tmp_path / "study", identity=identity), [], contextlib.ExitStack()
    working.enter_context(other.at_work())
    take_trial(other, Budget(trials=2))

    class Dying(TuneListener):
        def waiting(self, num_running):
            notified.append(num_running)
            working.close()

    result = tune(CONFIG, faces, tmp_path / "study", space=SPACE, options=options, listener=Dying())
    assert notified == [1]
    assert [row.state for row in result.trials] == ["finished", KILLED, "finished"]
