"""Commands in a shell: names from standard input, output lines, Ctrl-C, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import types

import numpy as np
import pytest
from PIL import Image

from moue.cli import console
from moue.predict import Listener, PredictOptions, predict


@pytest.fixture
def faces(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.jpg"):
        Image.fromarray(np.full((48, 48), 99, np.uint8)).save(folder / name)
    return folder


@pytest.fixture
def run(moue, run_folder):
    return lambda *words: moue("predict", *words, "--model", run_folder, "--detector", "none")


def type_in(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(content)))


def test_patterns_that_the_shell_did_not_expand_are_expanded(run, faces, monkeypatch):
    monkeypatch.chdir(faces)
    code, printed, _ = run("*.png")
    assert (code, [line.split()[0] for line in printed.splitlines()]) == (0, ["a.png", "b.png"])
    code, _, err = run("*.gif")
    assert (code, "*.gif: not_found" in err) == (1, True)
    (faces / "c.jpg").rename(faces / "[c].jpg")
    assert run("[c].jpg")[1].startswith("[c].jpg")


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\0"])
def test_names_come_from_standard_input(run, faces, monkeypatch, separator):
    type_in(monkeypatch, separator.join(os.fsencode(faces / name) for name in ("b.png", "a.png")) + separator)
    code, printed, _ = run("-")
    assert (code, [line.split()[0][-5:] for line in printed.splitlines()]) == (0, ["b.png", "a.png"])


def test_json_is_one_object_per_line_without_control_characters(run, faces):
    (faces / "a.png").rename(faces / "a\u202e\x9bé.png")
    code, printed, _ = run(faces, "--json")
    assert code == 0
    assert printed.isascii()
    results = [json.loads(line) for line in printed.splitlines()]
    assert [result["status"] for result in results] == ["ok"] * 3
    assert any("\u202e\x9bé" in result["file"] for result in results)


def test_a_dash_writes_csv_to_standard_output(run, faces):
    code, printed, err = run(faces, "--output", "-")
    assert code == 0
    assert [row["status"] for row in csv.DictReader(io.StringIO(printed))] == ["ok"] * 3
    assert "3 images" in err
    assert run(faces, "--output", "-", "--json")[0] == 2


def test_quiet_prints_only_results_and_failures(run, faces):
    (faces / "d.png").write_bytes(b"no image")
    code, printed, err = run(faces, "-q")
    assert (code, len(printed.splitlines())) == (0, 3)
    assert err.splitlines() == [line for line in err.splitlines() if "d.png: unreadable" in line]
    assert "3 faces" in run(faces)[2], "the next command prints notes again"


def test_written_files_are_named(run, faces, tmp_path):
    out, drawn = tmp_path / "o.csv", tmp_path / "drawn"
    _, _, err = run(faces, "--output", out, "--annotate", drawn)
    assert f"wrote {out}" in err
    assert f"wrote 3 annotated images to {drawn}" in err


def test_more_pixels_than_allowed_are_refused(run, faces):
    code, _, err = run(faces, "--max-pixels", 2303)
    assert (code, err.count("too_large")) == (1, 3)


@pytest.mark.parametrize("name", ["x" * 300 + ".csv", "file/o.csv", "o.csv/o.csv"])
def test_an_output_that_cannot_be_written_gives_a_clear_error(run, faces, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "o.csv").write_text("")
    for more in ((), ("--overwrite",)):
        code, printed, err = run(faces, "--output", name, *more)
        assert (code, "cannot write" in err, "Traceback" in printed + err) == (1, True, False)
        code, printed, err = run(faces, "--annotate", name)
        assert (code, "cannot write" in err, "Traceback" in printed + err) == (1, True, False)


def test_an_input_with_a_name_that_is_too_long_is_a_row(run, faces):
    code, _, err = run(faces / "a.png", faces / ("x" * 300 + ".png"))
    assert (code, "1 failed" in err) == (0, True)


def test_line_ends_in_names_stay_in_their_line(run, faces):
    (faces / "a.png").rename(faces / "a\nb.png")
    (faces / "d\ne.png").write_bytes(b"no image")
    _, printed, err = run(faces)
    assert "a?b.png" in printed
    assert "d?e.png: unreadable" in err


@pytest.mark.parametrize("character", "\x1b\x07\x9b\u202e\u2066\u200f\u2028\ufeff\udcff")
def test_control_characters_are_replaced(character):
    assert console.harmless(f"a{character}b") == "a?b"


INTERRUPTED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it

class Finder:
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                {turns}

sys.meta_path.insert(0, Finder)
sys.argv = ["moue", "predict", "x.png"]
from moue.cli import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
@pytest.mark.parametrize("module", ["moue.cli.app", "moue.predict.run"])
@pytest.mark.parametrize("turns", ["raise", "raise ImportError('half a library')"])
def test_ctrl_c_while_importing_stops_without_a_traceback(module, turns):
    code = INTERRUPTED.format(module=module, turns=turns)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


CAUGHT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import moue.predict.run
from moue.errors import MoueError

def predict(*_, **__):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        {turns}

moue.predict.predict = moue.predict.run.predict = predict
sys.argv = ["moue", "predict", "x.png"]
from moue.cli import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
@pytest.mark.parametrize(
    ("turns", "err"),
    [
        ("raise MoueError('onnxruntime cannot be imported') from ImportError('half a library')", "stopped\n"),
        ("raise MoueError('stopped before the first epoch')", "error: stopped before the first epoch\n"),
    ],
)
def test_ctrl_c_that_ends_in_an_error_has_its_own_exit_code(turns, err):
    done = subprocess.run(
        [sys.executable, "-c", CAUGHT.format(turns=turns)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, err)


def test_python_m_and_completion():
    done = subprocess.run([sys.executable, "-m", "moue", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("moue ")
    environment = {**os.environ, "_MOUE_COMPLETE": "complete_bash", "COMP_WORDS": "moue pre", "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['moue']; from moue.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.split() == ["predict"]


def test_models_are_listed_without_keras():
    code = (
        "import sys; sys.argv = ['moue', 'models']\n"
        "from moue.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert not {'keras', 'tensorflow', 'numpy', 'onnxruntime'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("small ")]
    assert line.split() == ["small", "591,615", "32.5", "M", "48x48x1", "base,", "small,", "small_robust"]
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_models_describes_a_network(moue):
    code, printed, _ = moue("models", "small")
    assert code == 0
    assert "arXiv:1512.03385" in printed
    code, _, err = moue("models", "smal")
    assert (code, "one of efficientnet" in err) == (2, True)


def test_predict_is_a_library(faces, run_folder, tmp_path):
    class Notes(Listener):
        def __init__(self):
            self.done, self.failures, self.files, self.results = [], [], [], []

        def progress(self, title, done, total):
            self.done.append((title, done, total))

        def failed(self, file, message):
            self.failures.append((file, message))

        def wrote(self, path):
            self.files.append(path)

        def result(self, result):
            self.results.append(result.file)

    (faces / "d.png").write_bytes(b"no image")
    notes, out = Notes(), tmp_path / "o.json"
    options = PredictOptions(run_folder, detector="none", output=out)
    summary = predict([faces], options, listener=notes)
    assert (summary.num_images, summary.num_faces, summary.num_failed_images) == (4, 3, 1)
    assert summary.failures == notes.failures
    assert [file.rpartition("/")[2] for file, _ in notes.failures] == ["d.png"]
    assert notes.done == [("", number, 4) for number in range(1, 5)]
    assert (notes.files, summary.wrote, len(notes.results)) == ([out], [out], 4)
    assert len(json.loads(out.read_text())["results"]) == 4
