"""Prints the model card of shipped weights and the record of their origin, wrapped to the width of the output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moue.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_COLUMNS: Final = 10  # a table with more columns is transposed


def show_card(name: str) -> None:
    """Print the card of shipped weights, then the record, and where their files are."""
    from moue.classifier.provenance import SUFFIX, list_records, read_record
    from moue.errors import SettingError

    records = list_records()
    if name not in records:
        raise SettingError(f"there is no shipped model called {name!r}", f"one of {', '.join(records)}")
    path = records[name]
    card = path.with_name(f"{name}.md")
    _print_markdown(card.read_text(encoding="utf-8"))
    console.say("")
    for line in _outline(read_record(path).to_dict()):
        console.say(line)
    console.note(f"these are the files {card.name} and {name}{SUFFIX} in {path.parent}")


def _print_markdown(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    shown = Console(width=console.width(), highlight=False, emoji=False)
    with shown.capture() as capture:
        shown.print(Markdown(console.harmless(_with_narrow_tables(text))))
    for line in capture.get().splitlines():
        # Rich pads lines with blanks. `say` would remove its colours.
        print(line.rstrip())  # noqa: T201


def _with_narrow_tables(text: str) -> str:
    """Return Markdown with its wide tables transposed."""
    parts: list[str] = []
    table: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            table.append(line)
            continue
        parts += _narrow(table)
        table = []
        parts.append(line)
    return "\n".join(parts)


def _narrow(table: list[str]) -> list[str]:
    """Return the lines of a table, transposed if it has too many columns."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    if not rows or len(rows[0]) <= _MAX_COLUMNS:
        return table
    header, _, *body = rows  # the second line is the rule
    transposed = [list(cells) for cells in zip(header, *body, strict=True)]
    transposed.insert(1, ["---"] * len(transposed[0]))
    return [f"| {' | '.join(cells)} |" for cells in transposed]


def _outline(value: object, name: str = "", depth: int = 0) -> Iterator[str]:
    """Yield a JSON value as lines: one per name, with its contents indented below it."""
    indent = "  " * depth
    mark = "-" if name == "-" else f"{name}:"
    if isinstance(value, dict | list | tuple) and value:
        if name:
            yield f"{indent}{mark}"
        inner = value.items() if isinstance(value, dict) else (("-", item) for item in value)
        for key, item in inner:
            yield from _outline(item, key, depth + bool(name))
        return
    is_empty = isinstance(value, str | list | tuple | dict) and not value
    yield console.wrapped(f"{mark} {'none' if is_empty else value}", indent, f"{indent}    ")
