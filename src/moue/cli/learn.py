"""Commands that train: train, distill."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from moue.cli import console, options, training_options

if TYPE_CHECKING:
    from moue.data.dataset import Dataset
    from moue.training.config import TrainConfig
    from moue.training.teacher_outputs import TeacherOutputs
    from moue.training.train import TrainResult

# For recipes without distillation settings.
_DISTILL: Final = {"distill_weight": 0.7, "distill_temperature": 2.0}


def train(
    data: options.DataPath,
    out: options.RunOut,
    recipe: training_options.AnyRecipe = "",
    start: training_options.Start = "",
    epochs: options.Epochs = None,
    seed: options.Seed = None,
    choices: options.Choices = None,
    ferplus: options.FerPlus = None,
    resume: options.Resume = False,
    devices: training_options.Devices = 1,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
    class_names: options.ClassNames = "",
    faces: Annotated[
        bool, typer.Option("--faces", help="First crop the face in each photo; the crops go to OUT-faces.")
    ] = False,
    detector: options.Detector = options.DetectorName.AUTO,
) -> None:
    """Train a model on any classes.

    The validation split chooses the epoch.
    """
    from moue.training.config import TrainConfig
    from moue.training.run_folder import RunFolder

    given = training_options.given_choices(epochs, seed, choices)
    if start:
        training_options.check_start(start, given)
    else:
        config = TrainConfig.from_recipe(recipe or "seed_cnn", **given)
        training_options.refuse_no_votes(config, ferplus)
    # Before the slow reading of the data.
    RunFolder(out).refuse_absent() if resume else RunFolder(out).refuse_used()
    if not start:
        training_options.refuse_network(config, recipe, given)
    training_options.refuse_devices(devices, None if start else config)
    if faces:
        data = _cut_faces(data, out.with_name(f"{out.name}-faces"), detector.value, again=resume)
    dataset = options.load_data(data, ferplus, on_bad_row, class_names)
    if start:
        from moue.training.finetune import finetune_config

        config = finetune_config(start, dataset, recipe, **given)
    _run(config, dataset, out, resume=resume, devices=devices, data=_data_arguments(data, ferplus))


def _cut_faces(photos: Path, out: Path, detector: str, *, again: bool) -> Path:
    """Crop the faces in photos and return their folder; a resumed run uses the existing folder."""
    if again and out.is_dir():
        return out
    from moue.faces import make_detector
    from moue.faces.cut_folder import cut_folder

    with console.count_progress("finding faces") as moved:
        cut = cut_folder(photos, out, make_detector(detector), progress=moved)
    console.note(f"{cut.num_faces} faces, one per image, are in {out}")
    for names, what in (
        (cut.without, "images without a face, skipped"),
        (cut.several, "images with several faces; the largest was used"),
        (cut.others, "files that are not images, skipped"),
    ):
        if names:
            console.note(f"{len(names)} {what}: {', '.join(names[:3])}{', …' if len(names) > 3 else ''}")
    return out


def distill(
    data: options.DataPath,
    out: options.RunOut,
    teachers: Annotated[
        list[str] | None,
        typer.Option(
            "--teacher",
            metavar="MODEL",
            help="Run folder, .onnx file, shipped model, or one teacher.npz. Repeatable; not needed with --resume.",
        ),
    ] = None,
    views: options.Views = options.ViewsName.SINGLE,
    recipe: options.RecipeName = "small_distilled",
    epochs: options.Epochs = None,
    seed: options.Seed = None,
    choices: options.Choices = None,
    ferplus: options.FerPlus = None,
    resume: options.Resume = False,
    devices: training_options.Devices = 1,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
    class_names: options.ClassNames = "",
) -> None:
    """Train a model on labels and on the predictions of others.

    Each teacher classifies every face of the training split once; its predictions are kept in OUT/teacher.npz.
    """
    from moue.training.config import TrainConfig
    from moue.training.distill import refuse_other_teachers, teach
    from moue.training.run_folder import RunFolder
    from moue.training.targets import refuse_unfit_data
    from moue.training.teacher_outputs import TeacherOutputs

    if views is not options.ViewsName.SINGLE and any(Path(teacher).suffix == ".npz" for teacher in teachers or ()):
        raise typer.BadParameter("a teacher.npz holds predictions that are already averaged", param_hint="--views")
    given = training_options.given_choices(epochs, seed, choices)
    config = TrainConfig.from_recipe(recipe, **given)
    if not config.distill_weight:
        if "distill_weight" in given:
            raise typer.BadParameter("with distill_weight=0 the teacher has no effect", param_hint="--set")
        config = TrainConfig.from_recipe(recipe, **_DISTILL | given)
        settings = (f"{name}={getattr(config, name):g}" for name in _DISTILL)
        console.note(f"the recipe {recipe} has no distillation settings, so these are used: {', '.join(settings)}")
    training_options.refuse_no_votes(config, ferplus)
    run, outputs = RunFolder(out), None
    # Before the slow reading of the data.
    run.refuse_absent() if resume else run.refuse_used()
    training_options.refuse_network(config, recipe, given)
    training_options.refuse_devices(devices, config)
    dataset = options.load_data(data, ferplus, on_bad_row, class_names)
    if not resume:
        refuse_unfit_data(dataset, config)  # before the teachers run
        with console.count_progress("running the teachers") as moved:
            outputs = teach(teachers or (), dataset, views=views.value, config=config, progress=moved)
    elif teachers and run.teacher.exists():
        refuse_other_teachers(TeacherOutputs.load(run.teacher, dataset), teachers, dataset, views.value, config)
    words = _data_arguments(data, ferplus)
    _run(config, dataset, out, resume=resume, devices=devices, data=words, teacher=outputs)


def _data_arguments(data: Path, ferplus: Path | None) -> str:
    """Return the arguments with which other commands read the same data."""
    words = [str(data), *(["--ferplus", str(ferplus)] if ferplus else [])]
    return shlex.join(words)


def _run(
    config: TrainConfig,
    dataset: Dataset,
    out: Path,
    *,
    resume: bool,
    devices: int,
    data: str,
    teacher: TeacherOutputs | None = None,
) -> None:
    """Train, then print the result and the next command."""
    from moue.training.backend import import_keras
    from moue.training.run_folder import RunFolder

    with console.loading_keras():
        import_keras()
    from moue.cli.training_callbacks import CommandRecord, EpochLines
    from moue.training.train import train as train_model

    run = RunFolder(out)
    with console.count_progress("training, steps") as moved:
        result = train_model(
            config,
            dataset,
            out,
            teacher=teacher,
            resume=resume,
            devices=devices,
            callbacks=[CommandRecord(run), EpochLines(run)],
            progress=moved,
        )
    _print_result(result)
    if result.interrupted:
        console.note(f"stopped early; to continue: {options.command_line()}{'' if resume else ' --resume'}")
        raise typer.Exit(130)
    if not result.exported:
        console.note(
            f"not exported, because that needs TensorFlow; run: KERAS_BACKEND=tensorflow moue export {out} {data}"
        )
    console.note(f"next: moue evaluate {out} {data}")


def _print_result(result: TrainResult) -> None:
    """Print the model's accuracy and its folder."""
    epochs = len(result.history["epoch"])
    console.note(f"best epoch {result.best_epoch} of {epochs}: validation accuracy {result.best_val_accuracy:.1%}")
    if result.best_val_accuracy <= result.baseline:
        console.warn(
            f"this is no better than always predicting the most frequent class ({result.baseline:.1%}); train on "
            "more faces, for longer, or with another learning rate"
        )
    console.note(f"the run is in {result.run} (curves.png, best.keras{', model.onnx' if result.exported else ''})")


COMMANDS: Final = (train, distill)
