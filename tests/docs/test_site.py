"""The site shows every page and every public name; `mkdocs build --strict` checks its links."""

from __future__ import annotations

import re
from pathlib import Path

import moue

ROOT = Path(__file__).parents[2]


def test_the_menu_names_every_page():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f": {page.name}\n" not in menu] == []


def test_the_reference_holds_every_public_name_once():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^::: moue\.(\w+)$", page, re.MULTILINE)) == sorted(moue.__all__)
