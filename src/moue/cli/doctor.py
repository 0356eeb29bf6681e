"""The command doctor."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from moue.cli import console, options

if TYPE_CHECKING:
    from moue.doctor.findings import Finding

_MARKS: Final = {"ok": ("ok", "green"), "note": ("note", "yellow"), "absent": ("-", "dim"), "problem": ("WRONG", "red")}
_MARK, _NAME = 6, 12


def doctor(
    model: Annotated[
        str,
        typer.Argument(
            metavar="[MODEL]", help="Name of a shipped model, run folder or .onnx file.", show_default=False
        ),
    ] = "",
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]",
            help="Faces to test it on: as for moue evaluate, or .npy or .npz with 'images' and perhaps 'labels'.",
            show_default=False,
        ),
    ] = None,
    class_names: options.ClassNames = "",
    write_faces: Annotated[
        Path | None,
        typer.Option(
            "--write-faces",
            metavar="FOLDER",
            help="Write 14 drawn faces. Run them through your own code, save the arrays, and pass them as DATA.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Check the installation, or a model and the faces you pass to it.

    The exit code is 1 if something is broken. Missing optional parts are not errors.
    """
    from moue.doctor.diagnose import diagnose
    from moue.doctor.drawn import write_faces as write

    if write_faces is not None:
        paths = write(write_faces, overwrite=overwrite)
        console.wrote(write_faces)
        console.note(
            f"{len(paths)} faces; save the arrays your code makes of them, in order: numpy.save('faces.npy', …)"
        )
        console.note("then run: moue doctor small faces.npy")
        return
    names = class_names.split(",") if class_names else ()
    with console.waiting("Examining…"):
        diagnosis = diagnose(model or None, data, class_names=names)
    if as_json:
        console.say(diagnosis.to_json(indent=2))
    else:
        for finding in diagnosis.findings:
            _print(finding)
        console.say(diagnosis.verdict)
        if not diagnosis.ok:
            console.note('what to do, step by step: docs/doctor.md, "It says sad for everybody"')
    if not diagnosis.ok:
        raise typer.Exit(1)


def _print(finding: Finding) -> None:
    from rich.console import Console
    from rich.text import Text

    mark, color = _MARKS[finding.level.value]
    indent = " " * (_MARK + _NAME)
    texts = [finding.text, f"-> {finding.fix}"] if finding.fix else [finding.text]
    lines = [line for text in texts for line in textwrap.wrap(console.one_line(text), console.width() - len(indent))]
    body = f"{finding.check:<{_NAME}}{f'{chr(10)}{indent}'.join(lines)}"
    Console(highlight=False, emoji=False).print(Text.assemble((mark.ljust(_MARK), color), body), soft_wrap=True)


COMMANDS: Final = (doctor,)
