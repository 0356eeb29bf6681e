"""Wrong usage: exit code 2, an error of three parts, and no option is silently ignored."""

from __future__ import annotations

import pytest
import typer

from moue.cli.app import app
from moue.cli.together import RULES, names_of

REFUSED = {
    "a choice": (("evaluate", "m", "d", "--split", "dev"), "--split is 'dev'\nexpected one of train, val, test, all"),
    "no number": (("predict", "x", "--every", "often"), "--every is 'often'\nexpected a whole number"),
    "no fraction": (("predict", "x", "--smooth", "long"), "--smooth is 'long'\nexpected a number"),
    "too small": (("explain", "x", "--size", "3"), "--size is '3'\nexpected at least 48"),
    "too large": (("predict", "x", "--unsure-below", "2"), "--unsure-below is '2'\nexpected at most 1"),
    "no such option": (("predict", "x", "--outptu", "y"), "there is no option --outptu\nexpected --output"),
    "no such command": (("tarin",), "no such command 'tarin'. Did you mean 'train'?\nexpected moue [OPTIONS]"),
    "no argument": (("evaluate", "small"), "an argument is missing\nexpected moue evaluate"),
    "a missing option": (("train", "x"), "the option --out is missing\nexpected moue train"),
    "no value": (("predict", "x", "--model"), "option '--model' requires an argument"),
    "too many arguments": (("explain", "a", "b"), "(b)\nexpected moue explain [OPTIONS]"),
    "a refusal by hand": (("train", "x", "--out", "y", "--set", "epochs"), "--set: 'epochs', expected NAME=VALUE"),
}

VALUES = {
    "--min-faces": "9",
    "--size": "300",
    "--step": "1",
    "--cpus-per-trial": "2",
    "--detector": "own",
    "--views": "flip",
}


@pytest.mark.parametrize("name", REFUSED)
def test_usage_errors_of_typer_look_like_all_others(moue, name):
    words, message = REFUSED[name]
    code, printed, err = moue(*words)
    assert (code, printed) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert "--help` " in err
    assert "Value error" not in err
    assert "Invalid value" not in err


@pytest.mark.parametrize("group", ["", "data"])
def test_a_group_without_arguments_shows_its_help(moue, group):
    code, printed, err = moue(*group.split())
    assert (code, printed) == (2, "")
    assert err.startswith(f"Usage: {f'moue {group}'.strip()} [OPTIONS] COMMAND")


@pytest.mark.parametrize(
    ("command", "rule"),
    [(command, rule) for command, rules in RULES.items() for rule in rules],
    ids=lambda value: value if isinstance(value, str) else f"{value.option} {value.given} {value.needs}",
)
def test_options_without_effect_are_refused(moue, command, rule, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, printed, err = moue(*command.split(), *words_of(command, rule))
    assert (code, printed) == (2, "")
    assert f"error: {rule.option} has no effect {'without' if rule.needs else 'with'}" in err
    assert all(name in err for name in (*rule.needs, rule.given))
    assert not list(tmp_path.iterdir()), "it is refused before anything is done"


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "none.png", "--min-faces", 3, "--aggregate"),
        ("predict", "none.png", "--detector-model", "none.onnx", "--detector", "yunet"),
        ("explain", "none.png", "--json", "--size", 300, "--output", "o.png"),
        ("explain", "none.png", "--size", 300),
        ("doctor", "none.onnx", "none.npy", "--class-names", "a,b"),
    ],
)
def test_options_with_an_effect_are_accepted(moue, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = moue(*words)
    assert code == 1, "there is no such file"
    assert "has no effect" not in err


def words_of(command, rule):
    """Yield the words that make a rule apply, and the required arguments of the command."""
    parsed = typer.main.get_command(app)
    for word in command.split():
        parsed = parsed.commands[word]
    parameters = {name: parameter for parameter in parsed.params for name in names_of(parameter)}
    wanted = {parameter: "" for parameter in parsed.params if parameter.required}
    for words in filter(None, (rule.option, rule.given)):
        name, _, value = words.partition(" ")
        wanted[parameters[name]] = value
    # An argument for several files takes everything that is left, so it comes last.
    ordered = sorted(wanted, key=lambda parameter: (parameter.nargs == -1, parsed.params.index(parameter)))
    for parameter in ordered:
        if parameter.param_type_name == "argument":
            yield "x"
        else:
            yield parameter.opts[0]
            if not getattr(parameter, "is_flag", False):
                yield wanted[parameter] or VALUES.get(parameter.opts[0], "x")
