"""Advice in messages names only existing options."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

import moue
from moue.cli.app import app

OTHER_PROGRAMS = {"--device", "--force-reinstall", "--no-deps", "--head"}  # of docker, pip and ray
FILES = sorted(Path(moue.__file__).parent.rglob("*.py"))


def options_of(command):
    """Return all options of a command and its subcommands."""
    found = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    for inner in getattr(command, "commands", {}).values():
        found |= options_of(inner)
    return found | {"--help"}


OPTIONS = options_of(typer.main.get_command(app))


def texts_of(tree):
    """Yield all strings of a file except docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and node.body
                  and isinstance(node.body[0], ast.Expr)}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FILES[0].parent)))
def test_options_in_messages_exist(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    named = {option for text in texts_of(tree) for option in re.findall(r"(?<![\w<!-])--[a-z][a-z-]*\b", text)}
    assert named <= OPTIONS | OTHER_PROGRAMS
