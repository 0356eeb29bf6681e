"""Usage errors of Typer in the form of all other errors: what came, what was expected, how to fix it."""

from __future__ import annotations

import importlib
import re
from typing import Any, Final

import typer

from moue.errors import SettingError

# Typer has its own copy of Click or uses Click itself, depending on its version; either module has all classes.
_KINDS: Final[Any] = importlib.import_module(typer.BadParameter.__module__)
UsageError: Final[type[Exception]] = _KINDS.UsageError
"""Base class of all usage errors of Typer, `typer.BadParameter` included."""

_CHOICE: Final = re.compile(r"(?P<came>'.*') is not one of (?P<known>.*?)\.?", re.DOTALL)
# By error type of Pydantic, which parses the values for Typer.
_EXPECTED: Final = {
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:g}",
}


def is_help(error: Exception) -> bool:
    """Return whether a command was called without arguments and should only show its help."""
    return isinstance(error, _KINDS.NoArgsIsHelpError)


def explain_refusal(error: Exception) -> SettingError:
    """Return a usage error of Typer as an error of moue.

    Args:
        error: A `UsageError`.
    """
    known: Any = error
    context = known.ctx
    command = context.command_path if context is not None else "moue"
    usage = context.get_usage().partition("Usage: ")[2] if context is not None else ""
    is_group = context is None or hasattr(context.command, "commands")
    fix = f"`{command} --help` {'lists the commands' if is_group else 'shows the options'}."
    if isinstance(error, _KINDS.NoSuchOption):
        meant = f"{' or '.join(sorted(known.possibilities))}" if known.possibilities else ""
        return SettingError(f"there is no option {known.option_name}", meant or f"an option of {command}", fix)
    if isinstance(error, _KINDS.MissingParameter):
        option = known.param is not None and known.param.param_type_name == "option"
        # Typer may name the wrong one of several arguments, because the first takes all that is left over.
        came = f"the option {_name(known)} is missing" if option else "an argument is missing"
        return SettingError(came, usage, fix)
    if isinstance(error, typer.BadParameter):
        return SettingError(*_about_value(known), fix)
    message = known.format_message().rstrip(".")
    return SettingError(message[:1].lower() + message[1:], usage, fix)


def _name(error: Any) -> str:  # noqa: ANN401 (Click's or Typer's class)
    """Return the option or argument as it is typed."""
    hint = error.param_hint or (error.param.get_error_hint() if error.param is not None else "")
    return str(hint).replace("'", "")


def _about_value(error: Any) -> tuple[str, str]:  # noqa: ANN401 (as above)
    """Return the value that came and what was expected."""
    name = _name(error)
    choice = _CHOICE.fullmatch(error.message.removeprefix("Value error, "))
    if choice is not None:
        return f"{name} is {choice['came']}", f"one of {choice['known'].replace(chr(39), '')}"
    details = error.__cause__.errors()[0] if hasattr(error.__cause__, "errors") else {}
    expected = _EXPECTED.get(details.get("type", ""))
    if expected is not None:
        return f"{name} is {details['input']!r}", expected.format(**details.get("ctx") or {})
    return f"{name}: {error.message.rstrip('.')}", ""
