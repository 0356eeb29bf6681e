"""The notebooks of the site run from top to bottom, in an empty folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NEEDS = {
    "photos": ("matplotlib", "pandas"),
    "training": ("tensorflow", "optuna", "jinja2", "pandas"),
    "own_classes": ("tensorflow", "pandas"),
    "video_timeline": ("cv2", "matplotlib", "pandas"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDS)
def test_a_notebook_runs(name, tmp_path):
    for package in ("ipykernel", *NEEDS[name]):
        pytest.importorskip(package, reason="the notebooks need all extras")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, resources=where, startup_timeout=600).execute()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_tested_stores_no_outputs_and_imports_nothing_inside_moue(path):
    assert path.stem in NEEDS
    text = path.read_text(encoding="utf-8")
    assert '"output_type"' not in text
    assert re.findall(r"(?:from|import) moue\.", text) == []
