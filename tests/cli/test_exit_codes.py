"""Wrong usage exits with 2, wrong input with 1: every option with a free text value is tried."""

from __future__ import annotations

import typing

import pytest
import typer

from helpers.data import make_dataset
from moue.cli.app import _GROUPS, app
from moue.data.write import write_csv

TRAIN = ("train", "{table}", "--out", "{tmp}/run")
DISTILL = ("distill", "{table}", "--recipe", "seed_cnn", "--out", "{tmp}/run")
TUNE = ("tune", "{table}", "--out", "{tmp}/study")
CLUSTER = ("cluster", "predict", "{tmp}", "--output", "{tmp}/predictions.csv")

USAGE = {
    "train": (
        (*TRAIN, "--recipe", "best"),
        (*TRAIN, "--set", "=3"),
        (*TRAIN, "--set", "epoch=3"),
        (*TRAIN, "--set", "epochs.most=3"),
        (*TRAIN, "--set", "schedule=steep"),
        (*TRAIN, "--set", "model_options=3"),
        (*TRAIN, "--set", "head_weights.age=1"),
        (*TRAIN, "--set", "head_weights={{perceived=1}}"),
        (*TRAIN, "--class-names", "happy"),
        (*TRAIN, "--class-names", "happy,joy"),
        (*TRAIN, "--class-names", "a,b,c,d,e,f,f"),
        (*TRAIN, "--class-names", ","),
        (*TRAIN, "--class-names", "1,2"),
    ),
    "distill": (
        (*DISTILL, "--recipe", "best"),
        (*DISTILL, "--set", "distill_weight=2"),
        (*DISTILL, "--class-names", "happy"),
    ),
    "tune": (
        (*TUNE, "--recipe", "best"),
        (*TUNE, "--space", "best"),
        (*TUNE, "--pruner", "sharp"),
        (*TUNE, "--set", "epoch=3"),
        (*TUNE, "--class-names", "happy"),
        (*TUNE, "--fraction", "0"),
        (*TUNE, "--hours", "0"),
        (*TUNE, "--confirm", "3x"),
    ),
    "evaluate": (
        ("evaluate", "{run}", "{table}", "--leave-out", "bored"),
        ("evaluate", "{run}", "{table}", "--leave-out", ","),
        ("evaluate", "{run}", "{table}", "--class-names", "happy"),
    ),
    "export": (("export", "{run}", "{table}", "--format", "litert", "--class-names", "happy"),),
    "doctor": (("doctor", "{run}", "{table}", "--class-names", "happy"),),
    "data check": (("data", "check", "{table}", "--class-names", "happy"),),
    "data audit": (("data", "audit", "{table}", "--class-names", "happy"),),
    "data synth": (("data", "synth", "{tmp}/faces.txt"),),
    "explain": (("explain", "{tmp}/none.png", "--class", "bored"), ("explain", "x.png", "--output", "x.pdf")),
    "models": (("models", "huge"), ("models", "huge", "--card")),
    "recipes": (("recipes", "best"),),
    "predict": (
        ("predict", "x.png", "--output", "x.xlsx"),
        ("predict", "x.png", "--fps", "nan"),
        ("predict", "x.png", "--smooth", "inf"),
    ),
    "webcam": (("webcam", "--headless", "--output", "{tmp}/lines.txt"),),
    "serve": (
        ("serve", "--model", "{run}", "--model", "{run}"),
        ("serve", "--cors", "example.org"),
        ("serve", "--cors", "https://example.org/page"),
        ("serve", "--cors", ""),
        ("serve", "--api-key", "short"),
        ("serve", "--api-key", "schlüsselbund"),
    ),
    "download": (("download", "haar"),),
    "detector evaluate": (("detector", "evaluate", "{labels}", "--reference", "sharp"),),
    "cluster predict": (
        (*CLUSTER, "--output", "{tmp}/predictions.xlsx"),
        (*CLUSTER, "--part-minutes", "nan"),
        (*CLUSTER, "--fps", "2", "--every", "3"),
    ),
}
WITH_KERAS = (
    (*TRAIN, "--set", "model=huge"),
    (*TRAIN, "--set", "model_options={{width=3}}"),
    (*TRAIN, "--set", "model_options.width=3"),
    (*TRAIN, "--set", "model_options.conv_dropout=2"),
    (*TRAIN, "--set", "model_options.conv_dropout=much"),
    (*TRAIN, "--set", "distill_weight=0.5"),
    (*TRAIN, "--set", "finetune=true"),
    (*TRAIN, "--from", "small", "--recipe", "best"),
    (*TRAIN, "--from", "small", "--set", "model=vgg"),
    (*TRAIN, "--from", "small", "--set", "model_options.width=3"),
    (*DISTILL, "--set", "model=huge", "--teacher", "{run}"),
    DISTILL,
    (*TUNE, "--set", "model=huge"),
    (*TUNE, "--recipe", "mini_xception", "--space", "seed_cnn"),
    (*TUNE, "--from", "small", "--recipe", "seed_cnn"),
    (*TUNE, "--storage", "my study"),
    (*TUNE, "--ray", "my cluster"),
    (*TUNE, "--ray", "host"),
)
INPUT = (
    (*TRAIN, "--recipe", "{tmp}/none.toml"),
    (*TRAIN, "--recipe", "{network}"),
    (*TRAIN, "--recipe", "{head}"),
    (*TUNE, "--space", "{space}"),
    (*TUNE, "--from", "none"),
    (*TRAIN, "--class-names", "a,b"),  # the data has more class numbers, and the error names the row
    ("evaluate", "none", "{table}"),
    ("predict", "none.png", "--model", "none"),
    ("serve", "--model", "none"),
    ("webcam", "--headless", "--source", "none.mp4"),
    (*DISTILL, "--teacher", "none"),
)
EXEMPT = {
    "--model": "a name or a path: a missing one is wrong input",
    "--from": "the same",
    "--teacher": "the same",
    "--source": "a camera, a path or a URL",
    "--host": "the machine's resolver decides",
    "--storage": "needs Optuna, see WITH_KERAS",
    "--ray": "needs Optuna, see WITH_KERAS",
    "--address": "needs Ray, see tests/test_ray_cluster.py",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory, run_folder):
    folder = tmp_path_factory.mktemp("files")
    contents = {
        "network.toml": 'model = "huge"\n',
        "head.toml": "head_weights = { age = 1 }\n",
        "space.toml": "[search]\nmodel_options.width = { low = 1, high = 2 }\n",
        "labels.json": "[]",
    }
    for name, text in contents.items():
        (folder / name).write_text(text)
    write_csv(make_dataset(), folder / "table.csv")
    paths = {name.partition(".")[0]: folder / name for name in (*contents, "table.csv")}
    return paths | {"run": run_folder}


@pytest.fixture
def exit_code(moue, files, tmp_path, monkeypatch):
    """Run a command; check its output, and return its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(words):
        code, printed, err = moue(*(word.format(tmp=tmp_path, **files) for word in words))
        assert "error: " in err, words
        assert "Traceback" not in err
        assert "expected" in err
        assert printed == ""
        return code

    return run


@pytest.mark.parametrize("words", [words for rows in USAGE.values() for words in rows], ids=" ".join)
def test_wrong_usage_exits_with_2(exit_code, words, tmp_path):
    assert exit_code(words) == 2
    assert not list(tmp_path.iterdir()), "nothing is written"


def test_wrong_usage_that_only_keras_detects_exits_with_2(exit_code):
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    pytest.importorskip("optuna", reason="needs the extra 'tune'")
    assert {words: exit_code(words) for words in WITH_KERAS} == dict.fromkeys(WITH_KERAS, 2)


def test_wrong_input_exits_with_1(exit_code):
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    pytest.importorskip("optuna", reason="needs the extra 'tune'")
    assert {words: exit_code(words) for words in INPUT} == dict.fromkeys(INPUT, 1)


def test_every_option_with_a_free_text_value_is_tried():
    tried = {(command, word) for command, rows in USAGE.items() for words in rows for word in words}
    left = [
        (command, option.opts[0])
        for command, option in text_options()
        if option.opts[0] not in EXEMPT and (command, option.opts[0]) not in tried
    ]
    assert left == []


def text_options():
    """Yield command and option for each option whose value is a string that Typer does not check."""
    texts = (str, list[str], list[str] | None)
    for group, (_, commands) in _GROUPS.items():
        for command in commands:
            name = f"{group} {command.__name__}".strip()
            parsed = typer.main.get_command(app)
            for word in name.split():
                parsed = parsed.commands[word]
            hints = typing.get_type_hints(command)
            yield from (
                (name, option)
                for option in parsed.params
                if option.param_type_name == "option" and hints.get(option.name) in texts
            )
