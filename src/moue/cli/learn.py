"""Commands of the learning half: train, evaluate, report, export, models, recipes."""

from __future__ import annotations

import dataclasses
import functools
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from moue.cli import options, output


def train(
    data: options.DataPath,
    out: Annotated[Path, typer.Option("--out", help="Run folder to make.")],
    recipe: Annotated[str, typer.Option(help="Name of a recipe (moue recipes) or a TOML file.")] = "seed_cnn",
    epochs: Annotated[int | None, typer.Option(help="Epochs at most, instead of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed, instead of the recipe's.")] = None,
    choices: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other choice of the recipe; repeatable."),
    ] = None,
    ferplus: options.FerPlus = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
) -> None:
    """Train a network on the training split; the validation split chooses the epoch."""
    from moue.training.config import TrainConfig  # noqa: PLC0415 (keeps --help fast)
    from moue.training.train import train as train_model  # noqa: PLC0415

    overrides = {"epochs": epochs, "seed": seed}
    given = {name: value for name, value in overrides.items() if value is not None} | _parse_choices(choices or [])
    config = TrainConfig.from_recipe(recipe, **given)
    dataset = options.load_data(data, ferplus, on_bad_row)
    result = train_model(config, dataset, out, resume=resume, progress=True, command=_command_line())
    output.note(
        f"best epoch {result.best_epoch} of {len(result.history)}: validation accuracy {result.best_val_accuracy:.1%}"
    )
    output.note(f"the run is in {result.run} (curves.png, best.keras, model.onnx)")
    if not result.exported:
        output.note(f"not exported: that needs Keras's TensorFlow backend; run: moue export {out} --data {data}")
    if result.interrupted:
        output.note(f"stopped early; go on with: {_command_line()}{'' if resume else ' --resume'}")
        raise typer.Exit(130)
    output.note(f"next: moue evaluate {out} --data {data}")


def evaluate(
    run: options.RunPath,
    data: options.DataOption,
    split: Annotated[
        options.SplitName, typer.Option(help="Which faces: PublicTest is val, PrivateTest is test.")
    ] = options.SplitName.TEST,
    ferplus: options.FerPlus = None,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
    overwrite: options.Overwrite = False,
) -> None:
    """Score a run's exported model, with and without the test faces that are also in training."""
    from moue.evaluation.evaluate import evaluate as score  # noqa: PLC0415 (keeps --help fast)
    from moue.evaluation.ferplus import score_perceived  # noqa: PLC0415
    from moue.files import refuse_existing  # noqa: PLC0415
    from moue.inference.classifier import Classifier  # noqa: PLC0415

    folder = run / "evaluation" / split
    refuse_existing(folder, overwrite=overwrite)
    classifier = Classifier.load(run)
    dataset = options.load_data(data, ferplus, on_bad_row)
    # Scored before the temperature, so that the report can show what the temperature does.
    network = functools.partial(classifier.predict_proba, calibrated=False)
    with output.count_progress("evaluating") as moved:
        evaluation = score(network, dataset, split=split.value, progress=moved, command=_command_line())
    if any(head.name == "perceived" for head in classifier.spec.heads):
        perceived = functools.partial(classifier.predict_proba, head="perceived")
        evaluation = dataclasses.replace(evaluation, perceived=score_perceived(perceived, dataset, split.value))
    typer.echo(evaluation.table())
    calibrated = evaluation.calibrated(classifier.spec.head("emotion").temperature)
    output.note(f"calibrated on val, as moue predict answers: NLL {calibrated.nll:.3f}, ECE {calibrated.ece:.1%}")
    evaluation.save(folder, overwrite=overwrite)
    output.wrote(folder)
    output.note(f"next: moue report {run}")


def report(
    run: options.RunPath,
    out: Annotated[Path | None, typer.Option("--out", help="The page; RUN/report.html if not given.")] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write one HTML page of a run: curves, scores, confusion matrix, faces."""
    from moue.evaluation.report import write_report  # noqa: PLC0415 (keeps --help fast)

    # The page inside the run belongs to the run and is drawn anew; a file of the user's choice is not replaced.
    output.wrote(write_report(run, out, overwrite=overwrite or out is None))


def export(
    run: options.RunPath,
    data: options.DataOption,
    ferplus: options.FerPlus = None,
    half: Annotated[bool, typer.Option("--half", help="Store the weights in 16 bits: half the file.")] = False,
) -> None:
    """Export a run's best model to model.onnx + model.json again, comparing both on real faces."""
    from moue.files import read_json  # noqa: PLC0415 (keeps --help fast)
    from moue.training.config import TrainConfig  # noqa: PLC0415
    from moue.training.finish import export_run  # noqa: PLC0415
    from moue.training.run import RunFolder  # noqa: PLC0415

    folder = RunFolder(run)
    config = TrainConfig.from_dict(read_json(folder.config), str(folder.config))
    result = export_run(folder, config, options.load_data(data, ferplus), half=half)
    output.note(f"largest difference from Keras {result.max_difference:.1g} over {result.num_images} faces")
    output.wrote(folder.onnx, folder.card)


def models() -> None:
    """List the networks: parameters, multiply-adds, input, paper."""
    from moue.training.models import build_model, count_multiply_adds, list_models  # noqa: PLC0415

    rows = []
    for name, entry in sorted(list_models().items()):
        model = build_model(name)
        size = "x".join(map(str, model.input_shape[1:]))
        adds = f"{count_multiply_adds(model) / 1e6:.1f} M"
        rows.append((name, f"{model.count_params():,}", adds, size, entry.summary, entry.paper))
    output.print_table(("name", "parameters", "multiply-adds", "input", "what", "paper"), rows)


def recipes(name: Annotated[str, typer.Argument(help="A recipe to show.")] = "") -> None:
    """List the recipes, or show every choice of one."""
    from moue.training.config import TrainConfig, list_recipes  # noqa: PLC0415 (keeps --help fast)

    if not name:
        configs = [TrainConfig.from_recipe(recipe) for recipe in list_recipes()]
        rows = [(config.recipe, config.model, str(config.epochs)) for config in configs]
        output.print_table(("recipe", "model", "epochs"), rows)
        return
    config = TrainConfig.from_recipe(name)
    fields = dataclasses.fields(config)
    rows = [(field.name, str(getattr(config, field.name)), field.metadata["help"]) for field in fields]
    output.print_table(("choice", "value", "meaning"), rows)


def _parse_choices(choices: list[str]) -> dict[str, Any]:
    """Read NAME=VALUE pairs, the values as TOML; a bare word is a string."""
    values: dict[str, Any] = {}
    for choice in choices:
        name, equals, text = choice.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{choice!r}, expected NAME=VALUE", param_hint="--set")
        try:
            values[name.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[name.strip()] = text.strip()
    return values


def _command_line() -> str:
    return shlex.join(["moue", *sys.argv[1:]])


COMMANDS: Final = (train, evaluate, report, export, models, recipes)
