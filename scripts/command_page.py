"""Write docs/commands.md from the help texts of all commands; run it after changing the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.testing import CliRunner

from moue.cli.app import app
from moue.cli.console import WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = Path(__file__).parents[1] / "docs" / "commands.md"
_INTRODUCTION: Final = """# Commands

This page is made from the help texts by `python scripts/command_page.py`. `moue COMMAND --help` shows the same.

- `--out` names a folder and `--output` a file. Nothing that exists is replaced without `--overwrite`.
  A run folder is different: `moue export` writes its `model.onnx` again, and `moue report` its `report.html`.
- Results go to standard output; notes, progress and errors go to standard error. `--quiet` suppresses notes.
- An option that would have no effect is refused, such as `--min-faces` without `--aggregate`.
- The exit code is 0, 1 for wrong input, 2 for wrong usage, and 130 after Ctrl-C.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION]
    for words in command_names():
        parts += [f"## {' '.join(('moue', *words))}\n", f"```text\n{help_of(words)}\n```\n"]
    return "\n".join(parts)


def command_names() -> list[tuple[str, ...]]:
    """Return the words of every command and group in the order of the help; those of `moue` itself are empty."""
    return list(_names(typer.main.get_command(app), ()))


def help_of(words: tuple[str, ...]) -> str:
    """Return a command's help as a terminal of 80 columns shows it."""
    environment = {"COLUMNS": str(WIDTH), "NO_COLOR": "1", "TERMINAL_WIDTH": str(WIDTH)}
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="moue", env=environment)
    if result.exit_code:
        raise SystemExit(result.output)
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


def _names(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 (Typer's own)
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from _names(inner, (*words, name))


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
