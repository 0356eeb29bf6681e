"""The page of commands equals the help texts, which fit 80 columns."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "command_page.py"


def load():
    spec = importlib.util.spec_from_file_location("command_page", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = load()


def test_the_page_is_up_to_date():
    assert PAGE.PAGE.read_text(encoding="utf-8") == PAGE.page(), "run: python scripts/command_page.py"


@pytest.mark.parametrize("words", PAGE.command_names(), ids=" ".join)
def test_help_fits_80_columns_and_explains_every_option(words):
    text = PAGE.help_of(words)
    assert max(map(len, text.splitlines())) <= 80
    lines = text.splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("  -"):
            assert "  " in line.strip() or after.startswith(" " * 10), f"{line} has no explanation"
