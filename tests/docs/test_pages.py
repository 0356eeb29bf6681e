"""The examples in the pages work: their Python runs, and the options of their commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import moue

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "commands.md")]
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")  # another test compares it with the help texts


def options_of(command):
    """Return the section of the command page that describes a command line such as `data audit fer2013.csv`."""
    words = command.split()
    name = " ".join(words[: 2 if words[0] in ("data", "detector") else 1])
    return COMMANDS.partition(f"## moue {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_and_their_options_exist(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", "")
    commands = re.findall(r"^(?:\$ |    )(?:\w+=\S+ )*moue ([a-z][^#\n]*)", text, re.MULTILINE)
    unknown = [
        f"moue {command}"
        for command in commands
        for option in re.findall(r"--[a-z-]+", command) or ["Usage"]
        if option not in options_of(command)
    ]
    assert unknown == []


@pytest.mark.parametrize("name", ["index", "photos"])
def test_the_python_of_a_page_runs(name, tmp_path, monkeypatch):
    pytest.importorskip("pandas", reason="the page makes a DataFrame")
    face = Image.fromarray(moue.synthesize(3).images[0, ..., 0]).resize((160, 160))
    photo = Image.fromarray(np.full((240, 320), 128, np.uint8))
    photo.paste(face, (80, 40))
    for file in ("party.jpg", "a.jpg", "b.jpg"):
        photo.save(tmp_path / file)
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8"), re.DOTALL)
    known = {"paths": ["a.jpg", "b.jpg"]}
    exec(code, known)  # noqa: S102 (our own page)
    assert known["result"].status == "ok"
