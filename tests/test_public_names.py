"""The public names of `moue`, and what importing it loads."""

from __future__ import annotations

import subprocess
import sys

import moue

HEAVY = ("keras", "tensorflow", "onnxruntime", "numpy", "PIL", "matplotlib", "jinja2", "cv2", "pandas", "rich")


def loaded_after(code):
    out = subprocess.check_output([sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"], text=True)
    return {name.partition(".")[0] for name in out.split()}


def test_the_public_names_are_complete():
    assert {name for name in moue.__all__ if getattr(moue, name) is None} == set()
    always_there = {"CLASS_NAMES", "FERPLUS_NAMES", "MissingExtraError", "MoueError", "__version__"}
    assert set(moue._MODULES) == set(moue.__all__) - always_there


def test_the_command_prints_the_version_of_the_package():
    printed = subprocess.check_output([sys.executable, "-m", "moue", "--version"], text=True)
    assert printed.strip() == f"moue {moue.__version__}"


def test_importing_moue_loads_nothing_heavy():
    assert loaded_after("import moue").isdisjoint(HEAVY)


def test_predicting_never_loads_keras():
    code = "import moue.recognition.analyzer, moue.drawing.draw, moue.evaluation.evaluate, moue.evaluation.report"
    assert loaded_after(code).isdisjoint({"keras", "tensorflow", "tf2onnx", "onnx", "matplotlib", "jinja2", "cv2"})


def test_help_loads_nothing_heavy():
    code = "import contextlib, io\nsys.argv = ['moue', '--help']\nfrom moue.cli import main\n"
    code += "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main()\n"
    assert loaded_after(code).isdisjoint({"keras", "tensorflow", "onnxruntime", "numpy", "matplotlib"})
