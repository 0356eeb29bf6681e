"""A study in PostgreSQL, whose machines share no folder; run where MOUE_POSTGRES names a server (postgresql://…)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid

import pytest

pytest.importorskip("optuna", reason="tuning needs the extra 'tune'")
pytest.importorskip("psycopg", reason='PostgreSQL needs pip install "psycopg[binary]"')

import sqlalchemy

from moue.errors import MoueError
from moue.training.config import TrainConfig
from moue.training.tuning.budget import Budget
from moue.training.tuning.results import row_of
from moue.training.tuning.study import KILLED, SharedStudy

SERVER = os.environ.get("MOUE_POSTGRES", "")
pytestmark = pytest.mark.skipif(not SERVER, reason="MOUE_POSTGRES names no server")
IDENTITY = {"config": TrainConfig(recipe="test", epochs=2).to_dict(), "space": {}, "pruner": "none"}
WORKER = """
import json, sys
from pathlib import Path
from moue.training.tuning.budget import Budget
from moue.training.tuning.study import SharedStudy
import optuna
folder, url, identity, wait = sys.argv[1:]
optuna.create_study  # imported before all begin
print("ready", flush=True)
sys.stdin.readline()
study = SharedStudy(Path(folder), url, json.loads(identity), {"learning_rate": 0.001})
taken = []
with study.at_work():
    while (trial := study.next_trial(Budget(trials=12))) is not None:
        trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
        if wait == "wait":
            print(trial.number, flush=True)
            sys.stdin.readline()
        study.study.tell(trial, 1.0)
        taken.append(trial.number)
print(json.dumps(taken), flush=True)
"""


@pytest.fixture
def url():
    """An empty database, dropped afterwards."""
    name = f"moue_{uuid.uuid4().hex}"
    address = sqlalchemy.make_url(SERVER)
    engine = sqlalchemy.create_engine(address, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    yield address.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))


def worker(folder, url, wait=""):
    """A process that has imported everything and waits for a line."""
    words = [sys.executable, "-c", WORKER, folder, url, json.dumps(IDENTITY), wait]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def release(*workers):
    for one in workers:
        one.stdin.write("\n")
        one.stdin.flush()


def test_machines_that_share_no_folder_begin_a_study_at_the_same_time(tmp_path, url):
    workers = [worker(tmp_path / name / "study", url) for name in ("one", "two", "three")]
    release(*workers)
    taken = [json.loads(one.communicate(timeout=120)[0]) for one in workers]
    assert [one.returncode for one in workers] == [0, 0, 0]
    assert sorted(number for numbers in taken for number in numbers) == list(range(12))
    trials = SharedStudy(tmp_path / "one" / "study", url, IDENTITY, None).trials()
    assert len(trials) == 12
    assert sum("recipe" in trial.user_attrs for trial in trials) == 1


def test_the_trial_of_a_killed_process_is_retried_by_another(tmp_path, url):
    victim = worker(tmp_path / "one" / "study", url, "wait")
    release(victim)
    assert victim.stdout.readline() == "0\n"
    mine = SharedStudy(tmp_path / "two" / "study", url, IDENTITY, None)
    with mine.at_work():
        assert mine.next_trial(Budget(trials=1)) is None  # it is being trained
        victim.kill()
        victim.communicate()
        again = mine.next_trial(Budget(trials=1))
    lost = mine.trials()[0]
    assert row_of(lost).state == KILLED
    assert row_of(mine.trials()[again.number]).note == "retries trial 0"
    assert again.suggest_float("learning_rate", 1e-4, 1.0, log=True) == lost.params["learning_rate"]


def test_the_error_about_a_missing_database_hides_the_password(tmp_path, url):
    wrong = sqlalchemy.make_url(url).set(database="moue_not_there", password="secret")  # noqa: S106 (a test)
    with pytest.raises(MoueError, match=r"cannot open the study in .*moue_not_there") as caught:
        SharedStudy(tmp_path / "study", wrong.render_as_string(hide_password=False), IDENTITY, None)
    assert "secret" not in str(caught.value)
