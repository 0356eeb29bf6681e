"""Options that have an effect only beside others, or none beside others: they are refused, never ignored.

Permissions are not among them: ``--overwrite``, ``--allow-url`` and ``--recursive`` ask for nothing.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from moue.errors import SettingError

if TYPE_CHECKING:
    import typer


@dataclasses.dataclass(frozen=True)
class Rule:
    """When an option or argument has no effect.

    Attributes:
        option: As it is typed; an argument as the help calls it.
        needs: It has an effect only if one of these is given too. If there are none, it has no effect at all.
        beside: The rule holds only if this is given, or has the value that follows it, as in ``--detector own``;
            empty for a rule that always holds.
    """

    option: str
    needs: tuple[str, ...] = ()
    beside: str = ""


def _alone(beside: str, *options: str) -> tuple[Rule, ...]:
    """Return the rules that none of `options` has an effect beside `beside`."""
    return tuple(Rule(option, beside=beside) for option in options)


# A file of weights is the detector yunet's.
_YUNET: Final = tuple(Rule("--detector-model", beside=f"--detector {name}") for name in ("none", "own"))
RULES: Final[dict[str, tuple[Rule, ...]]] = {
    "predict": (
        *_alone("--aggregate", "--json", "--wide", "--excel", "--annotate", "--srt", "--timeline"),
        *_alone("--output -", "--json", "--wide"),
        Rule("--wide", beside="--json"),
        Rule("--emoji", needs=("--annotate",)),
        Rule("--excel", needs=("--output",)),
        Rule("--min-faces", needs=("--aggregate",)),
        *_YUNET,
    ),
    "explain": (Rule("--size", needs=("--output",), beside="--json"),),
    "webcam": (Rule("--step", needs=("--headless",)), *_alone("--headless", "--mirror", "--save-to"), *_YUNET),
    "page": (Rule("--detector-model", needs=("--detector yunet",)),),
    "serve": _YUNET,
    "train": (Rule("--detector", needs=("--faces",)),),
    "tune": (Rule("--cpus-per-trial", needs=("--ray",)),),
    "distill": (Rule("--views", needs=("--teacher", "--resume")),),
    "export": (Rule("--ferplus", needs=("DATA",)), Rule("--class-names", needs=("DATA",))),
    "models": (Rule("--card", needs=("NAME",)),),
    "doctor": (
        *_alone("--write-faces", "MODEL", "--class-names", "--json"),
        Rule("--class-names", needs=("DATA",)),
    ),
    "data get": (Rule("--output", needs=("ferplus",)),),
    "detector evaluate": (Rule("--detector", beside="--detector-model"),),
}
"""By the words of the command."""


def refuse_without_effect(context: typer.Context, rules: tuple[Rule, ...]) -> None:
    """Check what was given on the command line.

    Raises:
        SettingError: something that was given has no effect.
    """
    names = {name: parameter.name or "" for parameter in context.command.params for name in names_of(parameter)}

    def is_given(words: str) -> bool:
        name, _, value = words.partition(" ")
        if value:
            return str(context.params.get(names[name])) == value
        source = context.get_parameter_source(names[name])
        return source is not None and source.name == "COMMANDLINE"

    for rule in rules:
        holds = is_given(rule.option) and (not rule.beside or is_given(rule.beside))
        if holds and not any(map(is_given, rule.needs)):
            raise _refusal(rule)


def names_of(parameter: Any) -> tuple[str, ...]:  # noqa: ANN401 (Click's or Typer's own class)
    """Return how an option or argument is typed: ``--json``, or ``DATA`` as the help calls it."""
    if parameter.param_type_name == "argument":
        return ((parameter.metavar or parameter.name.upper()).strip("[]"),)
    return (*parameter.opts, *parameter.secondary_opts)


def _refusal(rule: Rule) -> SettingError:
    wanted = " or ".join(rule.needs)
    if not wanted:
        fix = f"Leave out {rule.option} or {rule.beside}."
        return SettingError(f"{rule.option} has no effect with {rule.beside}", "one without the other", fix)
    came = f"{rule.option} has no effect without {wanted}{f' with {rule.beside}' if rule.beside else ''}"
    return SettingError(came, "both, or neither", f"Add {wanted}, or leave out {rule.option}.")
