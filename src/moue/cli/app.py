"""The application: its commands and how it ends."""

from __future__ import annotations

import os
import sys

import typer

from moue.cli import data, learn, output, recognise, webcam
from moue.errors import MoueError

app = typer.Typer(
    name="moue",
    help="Facial expression recognition: from fer2013.csv to a trained, measured, exported and predicting model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
for command in (*learn.COMMANDS, *recognise.COMMANDS, *webcam.COMMANDS):
    app.command()(command)


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"moue {version('moue')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line; exit code 0, 1 for wrong input, 2 for wrong usage, 130 after Ctrl-C."""
    try:
        app()
    except MoueError as error:
        output.print_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        output.note("stopped")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (`moue ... | head`); say nothing more, not even when Python flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
