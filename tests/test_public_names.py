"""What `moue` offers, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import moue

HEAVY = ("keras", "tensorflow", "onnxruntime", "numpy", "PIL", "matplotlib", "jinja2", "cv2", "pandas", "rich")


def loaded_after(code):
    out = subprocess.check_output([sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"], text=True)
    return {name.partition(".")[0] for name in out.split()}


def test_every_public_name_is_there_and_no_other():
    assert {name for name in moue.__all__ if getattr(moue, name) is None} == set()
    assert set(moue._HOMES) == set(moue.__all__) - {"CLASS_NAMES", "FERPLUS_NAMES", "MissingExtraError", "MoueError"}


def test_importing_moue_loads_nothing_heavy():
    assert loaded_after("import moue").isdisjoint(HEAVY)


def test_predicting_never_loads_keras():
    code = "import moue.recognition.analyzer, moue.output.draw, moue.evaluation.evaluate, moue.evaluation.report"
    assert loaded_after(code).isdisjoint({"keras", "tensorflow", "tf2onnx", "onnx", "matplotlib", "jinja2", "cv2"})


def test_help_loads_nothing_heavy():
    code = "import contextlib, io\nsys.argv = ['moue', '--help']\nfrom moue.cli import main\n"
    code += "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main()\n"
    assert loaded_after(code).isdisjoint({"keras", "tensorflow", "onnxruntime", "numpy", "matplotlib"})
