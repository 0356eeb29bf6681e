"""Options that only have an effect with others, or none with others: they are refused, never ignored.

Permissions are exempt: ``--overwrite``, ``--allow-url`` and ``--recursive`` only allow something.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from moue.errors import SettingError

if TYPE_CHECKING:
    import typer


@dataclasses.dataclass(frozen=True)
class Rule:
    """States when an option or argument has no effect.

    Attributes:
        option: The option as typed, or the argument's name in the help.
        needs: The option has an effect only if one of these is given too. If empty, it has no effect at all.
        given: The rule applies only if this option is given, or has the value that follows it, as in
            ``--detector own``; empty for a rule that always applies.
    """

    option: str
    needs: tuple[str, ...] = ()
    given: str = ""


def _disables(given: str, *options: str) -> tuple[Rule, ...]:
    """Return the rules that none of `options` has an effect if `given` is given."""
    return tuple(Rule(option, given=given) for option in options)


# Only the detector yunet takes a model file.
_YUNET: Final = tuple(Rule("--detector-model", given=f"--detector {name}") for name in ("none", "own"))
RULES: Final[dict[str, tuple[Rule, ...]]] = {
    "predict": (
        *_disables("--aggregate", "--json", "--wide", "--excel", "--annotate", "--srt", "--timeline"),
        *_disables("--output -", "--json", "--wide"),
        Rule("--wide", given="--json"),
        Rule("--emoji", needs=("--annotate",)),
        Rule("--excel", needs=("--output",)),
        Rule("--min-faces", needs=("--aggregate",)),
        *_YUNET,
    ),
    "explain": (Rule("--size", needs=("--output",), given="--json"),),
    "webcam": (Rule("--step", needs=("--headless",)), *_disables("--headless", "--mirror", "--save-to"), *_YUNET),
    "page": (Rule("--detector-model", needs=("--detector yunet",)),),
    "serve": _YUNET,
    "train": (Rule("--detector", needs=("--faces",)),),
    "tune": (Rule("--cpus-per-trial", needs=("--ray",)),),
    "distill": (Rule("--views", needs=("--teacher", "--resume")),),
    "export": (Rule("--ferplus", needs=("DATA",)), Rule("--class-names", needs=("DATA",))),
    "models": (Rule("--card", needs=("NAME",)),),
    "doctor": (
        *_disables("--write-faces", "MODEL", "--class-names", "--json"),
        Rule("--class-names", needs=("DATA",)),
    ),
    "data get": (Rule("--output", needs=("ferplus",)),),
    "detector evaluate": (Rule("--detector", given="--detector-model"),),
}
"""Rules by command."""


def refuse_without_effect(context: typer.Context, rules: tuple[Rule, ...]) -> None:
    """Check the options and arguments on the command line.

    Raises:
        SettingError: one of them has no effect.
    """
    names = {name: parameter.name or "" for parameter in context.command.params for name in names_of(parameter)}

    def is_given(words: str) -> bool:
        name, _, value = words.partition(" ")
        if value:
            return str(context.params.get(names[name])) == value
        source = context.get_parameter_source(names[name])
        return source is not None and source.name == "COMMANDLINE"

    for rule in rules:
        applies = is_given(rule.option) and (not rule.given or is_given(rule.given))
        if applies and not any(map(is_given, rule.needs)):
            raise _refusal(rule)


def names_of(parameter: Any) -> tuple[str, ...]:  # noqa: ANN401 (Click's or Typer's own class)
    """Return the names of an option or argument, as in the help: ``--json``, or ``DATA``."""
    if parameter.param_type_name == "argument":
        return ((parameter.metavar or parameter.name.upper()).strip("[]"),)
    return (*parameter.opts, *parameter.secondary_opts)


def _refusal(rule: Rule) -> SettingError:
    wanted = " or ".join(rule.needs)
    if not wanted:
        fix = f"Leave out {rule.option} or {rule.given}."
        return SettingError(f"{rule.option} has no effect with {rule.given}", "one without the other", fix)
    came = f"{rule.option} has no effect without {wanted}{f' with {rule.given}' if rule.given else ''}"
    return SettingError(came, "both, or neither", f"Add {wanted}, or leave out {rule.option}.")
