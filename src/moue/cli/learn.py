"""Commands of the learning half: train, distill, evaluate, report, export, models, recipes."""

from __future__ import annotations

import dataclasses
import shlex
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from moue.cli import options, output

if TYPE_CHECKING:
    from moue.data.dataset import Dataset
    from moue.evaluation.evaluation import Evaluation
    from moue.training.config import TrainConfig

# Where a recipe made for labels alone is distilled.
_DISTILL: Final = {"distill_weight": 0.7, "distill_temperature": 2.0}


def train(
    data: options.DataPath,
    out: options.RunOut,
    recipe: options.RecipeName = "seed_cnn",
    epochs: options.Epochs = None,
    seed: options.Seed = None,
    choices: options.Choices = None,
    ferplus: options.FerPlus = None,
    resume: options.Resume = False,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
    class_names: options.ClassNames = "",
) -> None:
    """Train a network on the training split; the validation split chooses the epoch."""
    from moue.training.config import TrainConfig

    config = TrainConfig.from_recipe(recipe, **_given(epochs, seed, choices))
    _run(
        config,
        options.load_data(data, ferplus, on_bad_row, class_names),
        out,
        resume=resume,
        data=_data_words(data, ferplus),
    )


def distill(
    data: options.DataPath,
    out: options.RunOut,
    teachers: Annotated[
        list[str] | None,
        typer.Option(
            "--teacher",
            help="Run folder, .onnx file or shipped model, repeatable; or one teacher.npz. With --resume not needed.",
        ),
    ] = None,
    views: options.Views = options.ViewsName.SINGLE,
    recipe: options.RecipeName = "small_distilled",
    epochs: options.Epochs = None,
    seed: options.Seed = None,
    choices: options.Choices = None,
    ferplus: options.FerPlus = None,
    resume: options.Resume = False,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
    class_names: options.ClassNames = "",
) -> None:
    """Train a network towards teachers' answers as well as the labels.

    The teachers are asked once about each face of the training split; OUT/teacher.npz keeps what they say.
    """
    from moue.training.config import TrainConfig
    from moue.training.distill import teach
    from moue.training.targets import refuse_missing_votes

    if views is not options.ViewsName.SINGLE and any(Path(teacher).suffix == ".npz" for teacher in teachers or ()):
        raise typer.BadParameter("the answers in a teacher.npz were given before", param_hint="--views")
    given = _given(epochs, seed, choices)
    config = TrainConfig.from_recipe(recipe, **given)
    if not config.distill_weight:
        if "distill_weight" in given:
            raise typer.BadParameter("distill_weight=0 would not listen to the teacher", param_hint="--set")
        config = TrainConfig.from_recipe(recipe, **_DISTILL | given)
        taken = (f"{name}={getattr(config, name):g}" for name in _DISTILL)
        output.note(f"the recipe {recipe} is for labels alone; taken: {', '.join(taken)}")
    dataset = options.load_data(data, ferplus, on_bad_row, class_names)
    refuse_missing_votes(dataset, config)  # before the teachers are asked in vain
    if teachers or not resume:
        with output.count_progress("asking the teachers") as moved:
            teach(out, teachers or (), dataset, views=views.value, progress=moved)
    _run(config, dataset, out, resume=resume, data=_data_words(data, ferplus))


def _given(epochs: int | None, seed: int | None, choices: list[str] | None) -> dict[str, Any]:
    overrides = {"epochs": epochs, "seed": seed}
    return {name: value for name, value in overrides.items() if value is not None} | _parse_choices(choices or [])


def _data_words(data: Path, ferplus: Path | None) -> str:
    """The options with which other commands read the same data."""
    words = ["--data", str(data), *(["--ferplus", str(ferplus)] if ferplus else [])]
    return shlex.join(words)


def _run(config: TrainConfig, dataset: Dataset, out: Path, *, resume: bool, data: str) -> None:
    """Train, and say how it ended and what comes next."""
    from moue.training.train import train as train_model

    result = train_model(config, dataset, out, resume=resume, progress=True, command=_command_line())
    output.note(
        f"best epoch {result.best_epoch} of {len(result.history)}: validation accuracy {result.best_val_accuracy:.1%}"
    )
    output.note(f"the run is in {result.run} (curves.png, best.keras{', model.onnx' if result.exported else ''})")
    if result.interrupted:
        output.note(f"stopped early; go on with: {_command_line()}{'' if resume else ' --resume'}")
        raise typer.Exit(130)
    if not result.exported:
        output.note(f"not exported: that needs TensorFlow; run: KERAS_BACKEND=tensorflow moue export {out} {data}")
    output.note(f"next: moue evaluate {out} {data}")


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Run folder, .onnx file or name of a shipped model; several are scored as one, averaged.",
            show_default=False,
        ),
    ],
    data: options.DataOption,
    split: Annotated[
        options.SplitName, typer.Option(help="Which faces: PublicTest is val, PrivateTest is test.")
    ] = options.SplitName.TEST,
    views: options.Views = options.ViewsName.SINGLE,
    ferplus: options.FerPlus = None,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
    class_names: options.ClassNames = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the result; RUN/evaluation/SPLIT[-VIEWS] if not given.")
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Score a run's exported model, with and without the test faces that are also in training."""
    from moue.classifier.ensemble import Ensemble
    from moue.evaluation.evaluate import evaluate as score
    from moue.files import refuse_existing

    ensemble = Ensemble.load(models)
    folder = out or _evaluation_folder(models, split, views)
    refuse_existing(folder, overwrite=overwrite)
    dataset = options.load_data(data, ferplus, on_bad_row, class_names)
    with output.count_progress("evaluating") as moved:
        evaluation = score(ensemble, dataset, split=split.value, views=views.value, progress=moved)
    evaluation = dataclasses.replace(evaluation, command=_command_line())
    evaluation.save(folder, overwrite=overwrite)  # before printing, which a closed pipe (| head) ends
    typer.echo(evaluation.table())
    _note_calibration(evaluation)
    output.wrote(folder)
    if out is None:
        output.note(f"next: moue report {models[0]}")


def _evaluation_folder(models: list[str], split: options.SplitName, views: options.ViewsName) -> Path:
    from moue.classifier.locate import shipped_models

    if len(models) > 1 or models[0] in shipped_models() or not Path(models[0]).is_dir():
        which = "for several models" if len(models) > 1 else f"since {models[0]} is no folder"
        raise typer.BadParameter(f"say where the result is to be written, {which}", param_hint="--out")
    single = views is options.ViewsName.SINGLE
    return Path(models[0]) / "evaluation" / (split.value if single else f"{split.value}-{views.value}")


def _note_calibration(evaluation: Evaluation) -> None:
    if evaluation.members:
        output.note(f"mean of the calibrated probabilities of {', '.join(evaluation.members)}")
        return
    calibrated = evaluation.calibrated()
    if calibrated is None:
        return
    how = "" if evaluation.num_views == 1 else ", one view a face; here of the views' mean"
    output.note(f"calibrated on val{how}: NLL {calibrated.nll:.3f}, ECE {calibrated.ece:.1%}")


def report(
    run: Annotated[
        str, typer.Argument(help="Run folder of moue train, .onnx file or name of a shipped model.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option("--out", help="The page; RUN/report.html if not given.")] = None,
    evaluations: Annotated[
        list[Path] | None,
        typer.Option("--evaluation", help="Folder written by moue evaluate --out; repeatable."),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write one HTML page of a run or network: curves, scores, confusion matrix, faces."""
    from moue.evaluation.report import write_report

    # The page inside the run belongs to the run and is drawn again; a file of the user's choice is not replaced.
    output.wrote(write_report(run, out, evaluations=evaluations or (), overwrite=overwrite or out is None))


def export(
    run: options.RunPath,
    data: options.DataOption,
    ferplus: options.FerPlus = None,
    class_names: options.ClassNames = "",
    half: Annotated[bool, typer.Option("--half", help="Store the weights in 16 bits: half the file.")] = False,
) -> None:
    """Export a run's best model to model.onnx + model.json again, comparing both on real faces."""
    from moue.files import read_json
    from moue.training.config import TrainConfig
    from moue.training.publish import export_run
    from moue.training.run_folder import RunFolder

    folder = RunFolder(run)
    config = TrainConfig.from_dict(read_json(folder.config), str(folder.config))
    result = export_run(folder, config, options.load_data(data, ferplus, class_names=class_names), half=half)
    output.note(f"largest difference from Keras {result.max_difference:.1g} over {result.num_images} faces")
    output.wrote(folder.onnx, folder.model_json)


def models() -> None:
    """List the networks: parameters, multiply-adds, input, paper."""
    from moue.training.models import build_model, count_multiply_adds, list_models

    rows = []
    for name, entry in sorted(list_models().items()):
        model = build_model(name)
        size = "x".join(map(str, model.input_shape[1:]))
        adds = f"{count_multiply_adds(model) / 1e6:.1f} M"
        rows.append((name, f"{model.count_params():,}", adds, size, entry.summary, entry.paper))
    output.print_table(("name", "parameters", "multiply-adds", "input", "what", "paper"), rows)


def recipes(name: Annotated[str, typer.Argument(help="A recipe to show.")] = "") -> None:
    """List the recipes, or show every choice of one."""
    from moue.training.config import TrainConfig, list_recipes

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


COMMANDS: Final = (train, distill, evaluate, report, export, models, recipes)
