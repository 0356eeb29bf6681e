"""The application: its commands and its exit codes."""

from __future__ import annotations

import functools
import inspect
import io
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from moue.cli import (
    cluster,
    console,
    data,
    detector,
    doctor,
    explain,
    export,
    learn,
    models,
    page,
    recognise,
    scores,
    serve,
    together,
    tune,
    usage,
    webcam,
)
from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Callable


class _Stopped(BaseException):
    """Ctrl-C, on its way through Typer."""


def _prepared(command: Callable[..., None], rules: tuple[together.Rule, ...]) -> Callable[..., None]:
    """Return the command with the common option ``--quiet`` added; it refuses options that have no effect."""

    @functools.wraps(command)
    def run_command(context: typer.Context, *, quiet: bool, **choices: Any) -> None:  # noqa: ANN401 (the command's own types)
        console.set_quiet(quiet)
        together.refuse_without_effect(context, rules)
        try:
            command(**choices)
        except KeyboardInterrupt as error:
            raise _Stopped from error  # Typer would end the program without a message

    # Typer reads the signature, where annotations are strings; get_type_hints resolves them to types.
    hints = get_type_hints(command, include_extras=True)
    option = typer.Option("--quiet", "-q", help="Print only results, errors and failures.")
    hints |= {"context": typer.Context, "quiet": Annotated[bool, option]}
    original = inspect.signature(command)
    parameters = [value.replace(annotation=hints[name]) for name, value in original.parameters.items()]
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=hints["context"])
    quiet = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=hints["quiet"])
    signature = original.replace(parameters=[context, *parameters, quiet])
    run_command.__signature__ = signature  # type: ignore[attr-defined]
    run_command.__annotations__ = hints
    return run_command


app = typer.Typer(
    name="moue",
    help="Recognise facial expressions in images and videos, and train your own models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": console.WIDTH},
)
data_app = typer.Typer(help="Get, check, audit or draw training data.", no_args_is_help=True, rich_markup_mode=None)
_COMMANDS: Final[tuple[Callable[..., None], ...]] = (
    *(*recognise.COMMANDS, *explain.COMMANDS, *webcam.COMMANDS, *page.COMMANDS, *serve.COMMANDS),
    *(*learn.COMMANDS, *export.COMMANDS, *tune.COMMANDS, *scores.COMMANDS, *models.COMMANDS, *doctor.COMMANDS),
)
detector_app = typer.Typer(help="Train or score a face detector.", no_args_is_help=True, rich_markup_mode=None)
cluster_app = typer.Typer(help="Recognise expressions on a Ray cluster.", no_args_is_help=True, rich_markup_mode=None)
_GROUPS: Final[dict[str, tuple[typer.Typer, tuple[Callable[..., None], ...]]]] = {
    "": (app, _COMMANDS),
    "data": (data_app, data.COMMANDS),
    "detector": (detector_app, detector.COMMANDS),
    "cluster": (cluster_app, cluster.COMMANDS),
}
for _name, (_group, _commands) in _GROUPS.items():
    for _command in _commands:
        _rules = together.RULES.get(f"{_name} {_command.__name__}".strip(), ())
        _group.command()(_prepared(_command, _rules))
    if _name:
        app.add_typer(_group, name=_name)


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


def run(interrupted: Callable[[], bool] = lambda: False) -> None:
    """Run a command and exit with 0, 1 for wrong input, 2 for wrong usage, 130 after Ctrl-C, or let Ctrl-C through.

    Args:
        interrupted: Returns whether Ctrl-C was pressed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show bars or accents is no error
    try:
        sys.exit(app(prog_name="moue", standalone_mode=False) or 0)
    except _Stopped:
        raise KeyboardInterrupt from None
    except usage.UsageError as error:
        if usage.is_help(error):
            typer.echo(str(error), err=True)
        else:
            console.print_error(usage.explain_refusal(error))
        sys.exit(2)
    except MoueError as error:
        if interrupted() and isinstance(error.__cause__, ImportError):
            # A library whose import is interrupted may raise an ImportError.
            raise KeyboardInterrupt from None
        console.print_error(error)
        sys.exit(130 if interrupted() else error.exit_code)
    except BrokenPipeError:
        # The reader of our output has exited (`moue ... | head`); write nothing more, not even when Python flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        # A disk, folder or device that fails is no bug of the program, wherever the error appears.
        where = f"{error.filename}: " if error.filename else ""
        console.print_error(MoueError(f"{where}{error.strerror or error}", "a file or folder that can be used"))
        sys.exit(1)
