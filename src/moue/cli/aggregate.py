"""`moue predict --aggregate`: shares per group instead of a prediction per face."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from moue.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moue.predict import PredictOptions
    from moue.predict.aggregate import Aggregated, Group

_STANDARD: Final = "-"


def print_aggregate(files: Iterable[str], chosen: PredictOptions, out: str, min_faces: int) -> None:
    """Predict, print the groups, and write them to a file if one is named.

    Args:
        files: The inputs that the user named.
        chosen: How to predict, without outputs for single faces.
        out: The table to write: ``.csv`` or ``.json``; "-" writes CSV to standard output; may be empty.
        min_faces: Smaller groups are suppressed.
    """
    from moue.cli.listener import ConsoleListener
    from moue.files import refuse_existing, refuse_suffix, write_text
    from moue.predict.aggregate import aggregate

    target = Path(out) if out not in ("", _STANDARD) else None
    if target is not None:
        refuse_suffix(target, (".csv", ".json"))
        refuse_existing(target, overwrite=chosen.overwrite)
    with contextlib.closing(ConsoleListener("nothing")) as listener:
        aggregated = aggregate(files, chosen, min_faces=min_faces, listener=listener)
    if out == _STANDARD:
        sys.stdout.write(console.harmless(aggregated.to_csv()))
    else:
        _print_groups(aggregated)
    if target is not None:
        text = aggregated.to_json() if target.suffix.lower() == ".json" else aggregated.to_csv()
        write_text(target, text, overwrite=chosen.overwrite)
        console.wrote(target)
    if not aggregated.summary.any_result:
        raise typer.Exit(1)


def _print_groups(aggregated: Aggregated) -> None:
    for group in aggregated.groups:
        if not group.suppressed:
            console.say(_describe(group))
    small = sum(group.suppressed for group in aggregated.groups)
    if small:
        what = "group was" if small == 1 else "groups were"
        console.warn(f"{small:,} {what} suppressed: fewer than {aggregated.min_faces} faces (--min-faces)")


def _describe(group: Group) -> str:
    name = group.source if group.minute is None else f"{group.source}, minute {group.minute}"
    ranked = sorted(group.shares.items(), key=lambda share: -share[1])
    shares = ", ".join(f"{emotion} {100 * share:.0f} %" for emotion, share in ranked if share)
    text = console.wrapped(f"{shares}; unsure {100 * (group.unsure or 0):.0f} %", "  ", "  ")
    return f"{console.one_line(name)}: {group.num_faces:,} faces\n{text}"
