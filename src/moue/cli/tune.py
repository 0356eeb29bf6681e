"""The command that searches for the best settings of a recipe: tune."""

from __future__ import annotations

import enum
import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from moue.cli import console, options, training_options

if TYPE_CHECKING:
    from moue.data.dataset import Dataset
    from moue.training.config import TrainConfig
    from moue.training.tuning.confirm import Candidate
    from moue.training.tuning.listener import TuneListener
    from moue.training.tuning.results import TrialRow, TuneResult

_SHOWN: Final = 10


class PrunerName(enum.StrEnum):
    """What stops hopeless trials: `moue.training.tuning.sampler.PRUNERS`; importing that would load Optuna here."""

    MEDIAN = "median"
    HYPERBAND = "hyperband"
    NONE = "none"


def tune(
    data: options.DataPath,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="The study's folder: a new one, or one to continue.")
    ],
    recipe: training_options.AnyRecipe = "",
    start: training_options.Start = "",
    space: Annotated[
        str, typer.Option("--space", metavar="RECIPE", help="Use the search space of another recipe or TOML file.")
    ] = "",
    trials: Annotated[
        int | None,
        typer.Option("--trials", metavar="N", min=1, help="Maximum number of trials; 40 if you set no limit."),
    ] = None,
    hours: Annotated[
        float | None, typer.Option("--hours", metavar="H", help="Maximum hours of training, all trials together.")
    ] = None,
    total_epochs: Annotated[
        int | None,
        typer.Option("--total-epochs", metavar="N", min=1, help="Maximum number of epochs, all trials together."),
    ] = None,
    epochs: options.Epochs = None,
    fraction: Annotated[
        float, typer.Option("--fraction", metavar="0-1", help="Fraction of the training faces to use in trials.")
    ] = 1.0,
    pruner: Annotated[
        PrunerName, typer.Option("--pruner", help="How to stop hopeless trials after an epoch.")
    ] = PrunerName.MEDIAN,
    confirm: Annotated[
        str,
        typer.Option(
            "--confirm", metavar="BESTxSEEDS", help="Train the best trials again with new seeds; 0: skip this."
        ),
    ] = "3x2",
    storage: Annotated[
        str, typer.Option("--storage", metavar="URL", help="A database for several machines, e.g. PostgreSQL.")
    ] = "",
    ray: Annotated[
        str,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Train on a Ray cluster: HOST:PORT, auto for this machine's, local to start one.",
        ),
    ] = "",
    cpus_per_trial: Annotated[
        int, typer.Option("--cpus-per-trial", metavar="N", min=1, help="CPUs for each trial, with --ray.")
    ] = 2,
    seed: options.Seed = None,
    choices: options.Choices = None,
    ferplus: options.FerPlus = None,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
    class_names: options.ClassNames = "",
) -> None:
    """Search for the settings with the lowest validation loss.

    Repeat the command to continue a study. Several processes can work on the same study.
    """
    from moue.training.config import TrainConfig
    from moue.training.tuning.budget import Budget
    from moue.training.tuning.confirm import Confirm
    from moue.training.tuning.data import refuse_fraction
    from moue.training.tuning.space import Space

    given = training_options.given_choices(epochs, seed, choices)
    named = recipe or ("finetune" if start else "seed_cnn")
    budget, again = Budget(trials, hours, total_epochs), Confirm.from_text(confirm)
    refuse_fraction(fraction)
    if start:
        training_options.check_start(start, given)
        searched = Space.from_recipe(space or named)
    else:
        plain = TrainConfig.from_recipe(named, **given)
        training_options.refuse_network(plain, named, given)
        training_options.refuse_no_votes(plain, ferplus)
        searched = Space.from_recipe(space or named, plain)
    dataset = options.load_data(data, ferplus, on_bad_row, class_names)
    config = _config(named, start, dataset, given)
    searched.check(config)
    with console.loading_keras():
        from moue.training.backend import import_keras

        import_keras()
    from moue.training.tuning.options import TuneOptions
    from moue.training.tuning.tune import tune as search

    chosen = TuneOptions(budget, pruner.value, fraction, again, storage, options.command_line(), ray, cpus_per_trial)
    with console.count_progress("trainings" if ray else "training, steps") as moved:
        result = search(
            config, dataset, out, space=searched, options=chosen, progress=moved, listener=_listener(config)
        )
    _show(result, config)
    if result.interrupted:
        console.note(f"stopped; to continue: {options.command_line()}")
        raise typer.Exit(130)
    if result.recipe:
        words = shlex.join([str(data), "--recipe", str(result.recipe)])
        extra = f" --ferplus {shlex.quote(str(ferplus))}" if ferplus else ""
        longer = "" if start or "epochs" not in given else _full_length(named, config)
        console.note(f"next: moue train {words}{extra} --out runs/best{longer}")


def _config(recipe: str, start: str, dataset: Dataset, given: dict[str, Any]) -> TrainConfig:
    """Return the recipe's configuration, or with `start` that of fine-tuning, which depends on the number of faces."""
    from moue.training.config import TrainConfig

    if not start:
        return TrainConfig.from_recipe(recipe, **given)
    from moue.training.finetune import finetune_config

    return finetune_config(start, dataset, recipe, **given)


def _listener(config: TrainConfig) -> TuneListener:
    """Return a listener that prints a line for each trial."""
    from moue.training.tuning.listener import TuneListener

    class Lines(TuneListener):
        def trial_ended(self, row: TrialRow) -> None:
            loss = f"{row.val_loss:.4f}" if row.val_loss is not None else "-"
            accuracy = f"{row.val_accuracy:.1%}" if row.val_accuracy is not None else "-"
            remarks = (row.state, "the recipe" if row.is_recipe else "", row.note)
            console.note(
                f"trial {row.number:>3}  val_loss {loss}  val_acc {accuracy}  "
                f"epoch {row.epochs}/{config.epochs}  {'  '.join(filter(None, remarks))}"
            )

        def waiting(self, num_running: int) -> None:
            console.note(f"waiting for {num_running} trial{'s' * (num_running > 1)} of other processes")

        def note(self, text: str) -> None:
            console.note(text)

    return Lines()


def _show(result: TuneResult, config: TrainConfig) -> None:
    """Print the best trials, the results with new seeds, and the written files."""
    from moue.training.tuning.page import verdict
    from moue.training.tuning.results import ranked

    states = [row.state for row in result.trials]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    console.note(f"{len(states)} trials: {counts}")
    if result.num_running:
        console.note("other processes are still training trials")
    if result.best is None:
        console.note("no trial has finished, so there is no best recipe yet")
        return
    rows = [_cells(row, config) for row in ranked(result.trials)[:_SHOWN]]
    console.print_table(("trial", "val_loss", "val_acc", "epochs", "minutes", ""), rows)
    if any(candidate.losses for candidate in result.candidates):
        console.say("")
        columns = ("with new seeds", "mean val_loss", "spread", "seeds", "mean val_acc")
        console.print_table(columns, [_confirmed_cells(candidate) for candidate in result.candidates])
        console.note(verdict(result.candidates))
    console.say("")
    values = [(name, _format_value(value)) for name, value in result.best.values.items()]
    console.print_table(("choice", f"trial {result.best.number}"), values)
    console.wrote(*(result.out / name for name in ("best.toml", "trials.csv", "study.html")))


def _cells(row: TrialRow, config: TrainConfig) -> tuple[str, ...]:
    accuracy = "" if row.val_accuracy is None else f"{100 * row.val_accuracy:.1f} %"
    name = f"the recipe {config.recipe}" if row.is_recipe else ""
    return str(row.number), f"{row.val_loss:.4f}", accuracy, str(row.epochs), f"{row.seconds / 60:.1f}", name


def _confirmed_cells(candidate: Candidate) -> tuple[str, ...]:
    if not candidate.losses:
        return candidate.name, "", "", "0", ""
    accuracy = f"{100 * sum(candidate.accuracies) / len(candidate.accuracies):.1f} %"
    spread = "" if math.isnan(candidate.spread) else f"{candidate.spread:.4f}"
    return candidate.name, f"{candidate.mean:.4f}", spread, str(len(candidate.losses)), accuracy


def _format_value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _full_length(recipe: str, config: TrainConfig) -> str:
    """Return the option that trains for the recipe's epochs, if the search used fewer."""
    from moue.training.config import TrainConfig

    usual = TrainConfig.from_recipe(recipe).epochs
    return f" --epochs {usual}" if usual > config.epochs else ""


COMMANDS: Final = (tune,)
