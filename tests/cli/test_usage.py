"""Wrong usage: exit code 2, three parts in our own words, and nothing that was given is ignored."""

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
def test_what_typer_refuses_is_said_like_every_other_error(moue, name):
    words, message = REFUSED[name]
    code, printed, said = moue(*words)
    assert (code, printed) == (2, "")
    assert said.startswith("error: ")
    assert message in said
    assert "--help` " in said
    assert "Value error" not in said
    assert "Invalid value" not in said


@pytest.mark.parametrize("group", ["", "data"])
def test_a_command_without_anything_shows_its_help(moue, group):
    code, printed, said = moue(*group.split())
    assert (code, printed) == (2, "")
    assert said.startswith(f"Usage: {f'moue {group}'.strip()} [OPTIONS] COMMAND")


@pytest.mark.parametrize(
    ("command", "rule"),
    [(command, rule) for command, rules in RULES.items() for rule in rules],
    ids=lambda value: value if isinstance(value, str) else f"{value.option} {value.beside} {value.needs}",
)
def test_what_has_no_effect_is_refused(moue, command, rule, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, printed, said = moue(*command.split(), *words_of(command, rule))
    assert (code, printed) == (2, "")
    assert f"error: {rule.option} has no effect {'without' if rule.needs else 'with'}" in said
    assert all(name in said for name in (*rule.needs, rule.beside))
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
def test_what_has_an_effect_is_not(moue, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, said = moue(*words)
    assert code == 1, "there is no such file"
    assert "has no effect" not in said


def words_of(command, rule):
    """Return what makes a rule hold, and what the command cannot do without."""
    found = typer.main.get_command(app)
    for word in command.split():
        found = found.commands[word]
    parameters = {name: one for one in found.params for name in names_of(one)}
    wanted = {one: "" for one in found.params if one.required}
    for words in filter(None, (rule.option, rule.beside)):
        name, _, value = words.partition(" ")
        wanted[parameters[name]] = value
    # Arguments of several files take what is left over.
    ordered = sorted(wanted, key=lambda one: (one.nargs == -1, found.params.index(one)))
    for one in ordered:
        if one.param_type_name == "argument":
            yield "x"
        else:
            yield one.opts[0]
            if not getattr(one, "is_flag", False):
                yield wanted[one] or VALUES.get(one.opts[0], "x")
