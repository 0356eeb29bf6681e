"""Writing files: nothing half-written, nothing overwritten by accident."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from moue import files
from moue.errors import MoueError
from moue.files import locked, read_json, replacing, sha256_of, write_json, write_text


def test_a_failed_write_leaves_only_the_old_file(tmp_path):
    path = tmp_path / "result.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.txt"]


def test_an_interrupted_write_leaves_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "new.txt"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_needs_overwrite(tmp_path):
    path = tmp_path / "result.txt"
    write_text(path, "old", overwrite=False)
    with pytest.raises(MoueError, match=r"already exists(?s:.*)--overwrite"):
        write_text(path, "new", overwrite=False)
    write_text(path, "new", overwrite=True)
    assert path.read_text() == "new"


def test_folders_are_created_and_the_result_has_the_usual_permissions(tmp_path):
    path = tmp_path / "a" / "b" / "result.txt"
    write_text(path, "x")
    plain = tmp_path / "plain.txt"
    plain.write_text("x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_file_in_the_way_of_a_folder_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MoueError, match="a file; choose another folder"):
        write_text(tmp_path / "file" / "result.txt", "x")


@pytest.mark.parametrize(
    ("content", "message"), [("", "not valid JSON"), ("{", "not valid JSON"), (None, "cannot read")]
)
def test_unreadable_json_is_a_clear_error(tmp_path, content, message):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(MoueError, match=message):
        read_json(path)


def test_json_round_trips_and_nan_is_refused(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"name": "ärger", "values": [1, 0.5, None]})
    assert read_json(path) == {"name": "ärger", "values": [1, 0.5, None]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, float("nan"))
    assert sha256_of(path) == sha256_of(path)


HOLD = (
    "import sys; from moue.files import locked\nwith locked(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
)


def test_an_output_is_locked_to_one_process(tmp_path):
    path = tmp_path / "out.csv"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(MoueError, match=f"another process \\(id {other.pid}\\) is writing"), locked(path):
            pass
        # A killed process releases the lock without cleaning up.
        other.kill()
        other.wait()
    with locked(path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_removed_while_it_is_opened_is_created_again(tmp_path, monkeypatch):
    try_lock, calls = files._try_lock, []

    def lock_late(handle):
        # As if its owner had ended after we opened the file and before we locked it.
        if not calls:
            (tmp_path / ".out.csv.lock").unlink()
        calls.append(1)
        return try_lock(handle)

    monkeypatch.setattr(files, "_try_lock", lock_late)
    with locked(tmp_path / "out.csv"):
        assert (tmp_path / ".out.csv.lock").read_text() == str(os.getpid())
    assert len(calls) == 2


def test_an_error_releases_the_lock(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "run"):
        raise ZeroDivisionError
    with locked(tmp_path / "run"):
        pass


def test_a_lone_surrogate_is_written(tmp_path):
    """A damaged file may hold half of a surrogate pair; JSON escapes it and reads it back."""
    write_json(tmp_path / "a.json", {"name": "a\udc80b"})
    assert read_json(tmp_path / "a.json") == {"name": "a\udc80b"}
    write_text(tmp_path / "a.html", "<p>\udc80</p>")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == "<p>\\udc80</p>"


def test_a_lock_can_be_waited_for(tmp_path):
    """The other process ends when its input is closed, just before this one starts to wait."""
    path = tmp_path / "study.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        other.stdin.close()
        with locked(path, wait=True):
            pass
