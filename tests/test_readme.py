"""The README's Python code runs, and its commands use existing options."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from moue.data.synthetic.dataset import synthesize
from moue.data.write import write_csv

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^\$ (moue .*)$", README, re.MULTILINE)))


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path):
    pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    # The same code on a small drawn data set, for one epoch.
    write_csv(synthesize(12), tmp_path / "fer2013.csv")
    assert '"seed_cnn"' in code
    code = code.replace('"seed_cnn"', '"seed_cnn", epochs=1')
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no twins in train" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_of_the_readme_exist(command):
    words = shlex.split(command)
    group = words[1:3] if words[1] == "data" else words[1:2]
    code = "from moue.cli import main; main()"
    shown = subprocess.check_output([sys.executable, "-c", code, *group, "--help"], text=True)
    assert [word for word in words if word.startswith("--") and word not in shown] == []
