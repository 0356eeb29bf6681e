"""A study whose trainings run on other machines: the same trials, even if processes die."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import secrets
import signal
import subprocess
import sys

import pytest

from helpers.data import make_dataset
from moue.data.write import write_csv
from moue.errors import MoueError, SettingError

pytest.importorskip("optuna", reason="tuning needs the extra 'tune'")
pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
pytest.importorskip("ray", reason="a cluster needs the extra 'cluster'")

from helpers import tuning
from helpers.local_ray import LocalRay
from moue.training.config import TrainConfig
from moue.training.tuning.budget import Budget
from moue.training.tuning.confirm import Confirm
from moue.training.tuning.options import TuneOptions
from moue.training.tuning.tune import tune
from moue.training.tuning.worker import FAILED, Trainer, read_files, write_files

CONFIG = TrainConfig(recipe="test", epochs=4, learning_rate=0.001)
NONE = Confirm(0, 0)
SPACE = {"learning_rate": {"low": 1e-4, "high": 1.0, "log": True}}


@pytest.fixture(scope="module")
def faces():
    return make_dataset(140, seed=3)


@pytest.fixture
def search(faces, tmp_path, monkeypatch):
    """Run a study of cheap trainings, on a cluster if one is given."""

    def run(name, ray=None, training=None, confirm=NONE, **changes):
        cheap = tuning.install(monkeypatch, training or tuning.CheapTraining())
        monkeypatch.setattr("moue.training.train.train", cheap)
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")  # so that what a process on a node sets is undone

        @contextlib.contextmanager
        def connected(address, _note):
            assert address == "somewhere:1"
            yield ray

        monkeypatch.setattr("moue.training.tuning.tune.connected", connected)
        chosen = {"budget": Budget(trials=10), "cpus_per_trial": 1} | changes
        options = TuneOptions(confirm=confirm, ray="somewhere:1" if ray else "", **chosen)
        return tune(CONFIG, faces, tmp_path / name, space=SPACE, options=options)

    for name in ("KERAS_BACKEND", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, {"KERAS_BACKEND": "tensorflow"}.get(name, "1")))
    return run


def outcomes(result):
    ended = [row for row in result.trials if row.state in ("finished", "pruned")]
    return [(row.values, row.state, row.losses) for row in sorted(ended, key=lambda row: row.run)]


def test_a_cluster_of_one_machine_gives_the_study_of_one_process(search):
    alone, ray = search("alone"), LocalRay(cpus=[1])
    there = search("there", ray)
    assert outcomes(there) == outcomes(alone)
    assert {row.state for row in there.trials} == {"finished", "pruned"}
    assert there.best == alone.best
    assert ray.most_alive == 1  # one process trains all
    assert ray.alive == []


def test_run_folders_come_back_complete(search):
    alone, there = search("alone"), search("there", LocalRay(cpus=[1]))
    for row in there.trials:
        one, other = ({*read_files(result.out / "trials" / row.run)} for result in (alone, there))
        assert one == other
    assert not list(there.out.rglob(".trial-*"))


def test_as_many_trials_run_at_a_time_as_the_machines_have_room_for(search):
    ray = LocalRay(cpus=[5, 3, 1])
    result = search("study", ray, cpus_per_trial=2)
    assert ray.most_alive == 3
    assert len(outcomes(result)) == 10


def test_a_killed_trial_is_retried_and_continues(search):
    training = tuning.CheapTraining()
    ray = LocalRay(cpus=[1], die=lambda step: step == 3)
    result = search("study", ray, training)
    lost = [row for row in result.trials if row.state == "killed"]
    again = [row for row in result.trials if row.note.startswith("retries trial")]
    assert len(lost) == len(again) == 1
    assert again[0].values == lost[0].values
    assert outcomes(result) == outcomes(search("whole"))
    assert len(training.epochs) == len(set(training.epochs))  # no epoch was trained twice


def test_ctrl_c_stops_all_trials_and_the_same_call_continues(search):
    def press(step):
        if step == 6:
            raise KeyboardInterrupt
        return False

    ray, training = LocalRay(cpus=[2], die=press), tuning.CheapTraining()
    stopped = search("study", ray, training)
    assert stopped.interrupted
    assert ray.alive == []
    assert [row.state for row in stopped.trials].count("stopped") >= 1
    assert not any(row.state == "running" for row in stopped.trials)
    resumed = search("study", None, training)  # here, without a cluster
    assert len(outcomes(resumed)) == 10
    assert len(training.epochs) == len(set(training.epochs))


def test_a_diverged_trial_is_pruned_and_an_error_is_raised(search):
    result = search("wild", LocalRay(), tuning.CheapTraining(diverges=lambda one: one.learning_rate > 0.1))
    wild = [row for row in result.trials if row.values["learning_rate"] > 0.1]
    assert {row.note for row in wild} == {"the loss became nan in epoch 2"}

    def fail(_config, epoch):
        if epoch == 2:
            raise OSError(28, "No space left on device")

    ray = LocalRay()
    with pytest.raises(MoueError, match=r"No space left(?s:.*)\nexpected a training that ends\nThe same command"):
        search("full", ray, tuning.CheapTraining(stop=fail))
    assert ray.alive == []
    states = [row.state for row in search("full", None, budget=Budget(trials=3)).trials]
    assert states[:3].count("failed") == 1
    assert "running" not in states


@pytest.mark.parametrize(
    ("files", "config", "came"),
    [
        ({}, {"model": 1}, "model"),
        ({"best.keras": None}, {}, "TypeError"),
    ],
)
def test_errors_on_a_machine_are_reported(faces, monkeypatch, files, config, came):
    for name in ("KERAS_BACKEND", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "tensorflow")
    step = Trainer(faces, 1, "tensorflow").begin(config, files)
    assert (step.state, step.files) == (FAILED, {})
    assert came in step.error[0]
    assert all(step.error[:2])


def test_new_seeds_are_trained_on_the_cluster_too(search):
    alone = search("alone", confirm=Confirm(2, 2))
    ray = LocalRay(cpus=[1], die=lambda step: step == 45)
    there = search("there", ray, confirm=Confirm(2, 2))
    assert there.candidates == alone.candidates
    assert ray.steps > 45
    trained = ray.steps
    assert search("there", ray, confirm=Confirm(2, 2)).candidates == alone.candidates
    assert ray.steps == trained


def test_a_machine_with_enough_cpus_is_needed(search, tmp_path):
    with pytest.raises(SettingError, match=r"no machine of the cluster has more than 2\n(?s:.*)--cpus-per-trial 2"):
        search("study", LocalRay(cpus=[2, 1]), cpus_per_trial=4)
    assert not (tmp_path / "study").exists()
    with pytest.raises(SettingError, match="cpus_per_trial is 0"):
        TuneOptions(cpus_per_trial=0)


def test_files_are_written_in_an_order_that_can_be_interrupted(tmp_path):
    files = {"history.json": b"1", "config.json": b"2", "checkpoints/epoch-001.keras": b"3"}
    write_files(tmp_path / "run", files)
    written = sorted(read_files(tmp_path / "run"), key=lambda name: (tmp_path / "run" / name).stat().st_mtime_ns)
    assert written == ["checkpoints/epoch-001.keras", "config.json", "history.json"]
    write_files(tmp_path / "run", {"best.keras": b"4"}, {"best.keras", "history.json", "config.json"})
    assert read_files(tmp_path / "run") == {"best.keras": b"4", "history.json": b"1", "config.json": b"2"}


RECIPE = """
epochs = 5
batch_size = 16
[search]
learning_rate = { low = 0.0001, high = 0.01, log = true }
"""


def _rows(study):
    with (study / "trials.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_two_nodes_one_process_killed_and_ctrl_c(tmp_path):
    """With real Ray: two nodes with a token, a process killed in the middle, the command stopped and repeated."""
    from helpers.ray_nodes import processes_named, two_nodes, wait_until

    write_csv(make_dataset(140, seed=3), tmp_path / "faces.csv")
    (tmp_path / "mine.toml").write_text(RECIPE)
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    # TensorFlow, which this process has imported, lowers the level for its children.
    environment = {**os.environ, **token, "TF_CPP_MIN_LOG_LEVEL": "3"}
    words = ("tune", "faces.csv", "--recipe", "mine.toml", "--trials", "4", "--confirm", "0")
    command = [sys.executable, "-m", "moue", *words]

    def run(*more, **kind):
        return subprocess.Popen([*command, *more], cwd=tmp_path, env=environment, **kind)

    study = tmp_path / "study"
    with two_nodes(environment) as (address, second):
        there = ("--out", "study", "--ray", address, "--cpus-per-trial", "1")

        def trainers():
            return processes_named("Trainer", second)

        def num_epochs():
            return sum(len(json.loads(one.read_text())) for one in study.glob("trials/*/history.json"))

        with run(*there, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as first:
            wait_until(lambda: trainers() and num_epochs(), "an epoch of two machines")
            os.kill(trainers()[0], signal.SIGKILL)
            before = num_epochs()
            wait_until(lambda: num_epochs() >= before + 3, "epochs after that")
            first.send_signal(signal.SIGINT)
            lines = first.communicate(timeout=60)[0].splitlines()
            assert first.returncode == 130
        assert "a process of the cluster ended unexpectedly; what it was doing is done again" in lines
        ours = (
            "trial ",
            "a process",
            "wrote ",
            "stopped; to continue",
            "no trial",
            "choice",
            "learning_rate",
            "─",
            " ",
        )
        assert [line for line in lines if line and not line.startswith(ours) and " trials: " not in line] == []
        states = [row["state"] for row in _rows(study)]
        assert "killed" in states
        assert "running" not in states
        with run(*there) as again:
            assert again.wait(300) == 0
    rows = _rows(study)
    assert [row["state"] for row in rows].count("finished") + [row["state"] for row in rows].count("pruned") == 4
    again = [row["note"] for row in rows if row["note"].startswith("retries trial")]
    assert len(again) == sum(row["state"] in ("killed", "stopped") for row in rows)
    assert TrainConfig.from_recipe(study / "best.toml").epochs == 5
    with run("--out", "plain", "--trials", "1") as plain:
        assert plain.wait(300) == 0
    recipe, same = (
        next(row for row in _rows(one) if row["run"] == "trial-0000" and row["state"] == "finished")
        for one in (study, tmp_path / "plain")
    )
    assert float(recipe["val_loss"]) == pytest.approx(float(same["val_loss"]), rel=1e-3)
