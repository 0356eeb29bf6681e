"""`TrainConfig`: every setting of a training run, from a recipe file and overrides."""

from __future__ import annotations

import dataclasses
import difflib
import importlib.resources
import math
import tomllib
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError, SettingError
from moue.files import as_path
from moue.heads import heads_in

Value = typing.TypeVar("Value")

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable


_MAX_INT = 10**300  # a float can hold a little more
_TABLES: Final = ("model_options", "head_weights")
_TYPE_NAMES: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _setting(default: Value, text: str, **limits: object) -> Value:
    return dataclasses.field(default=default, metadata={"help": text, **limits})


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Every setting of a training run; saved beside the model as config.json.

    The defaults are those of the baseline, seed_cnn. Each field has a help text in its metadata, which the
    command line shows.
    """

    recipe: str = _setting("", "name of the recipe these settings came from")
    model: str = _setting("seed_cnn", "model, a name from `moue models`")
    model_options: dict[str, Any] = dataclasses.field(
        default_factory=dict, metadata={"help": "the model's own options, e.g. dropout rates"}
    )
    initial_weights: str = _setting(
        "", "shipped model, run folder, .keras or .onnx file whose weights the training starts from; '': random"
    )
    finetune: bool = _setting(
        default=False,
        text="first fit the first head to the frozen backbone of initial_weights; BatchNorm keeps its statistics",
    )
    epochs: int = _setting(30, "maximum number of passes over the training split", low=1)
    batch_size: int = _setting(128, "faces per step", low=1)
    optimizer: str = _setting("adam", "optimizer; sgd has Nesterov momentum", choices=("adam", "adamw", "sgd"))
    learning_rate: float = _setting(0.001, "learning rate of the optimizer; its peak if a schedule changes it", low=0.0)
    momentum: float = _setting(0.9, "momentum of sgd", low=0.0, high=0.999)
    weight_decay: float = _setting(
        0.0,
        "each step shrinks the kernels by this times the learning rate; spares biases and BatchNorm; not with adam",
        low=0.0,
    )
    schedule: str = _setting(
        "constant", "how the learning rate changes after the warm-up", choices=("constant", "cosine")
    )
    warmup_epochs: int = _setting(0, "epochs over which the learning rate rises from 0", low=0)
    label_smoothing: float = _setting(
        0.0, "share of a training target spread evenly over all classes", low=0.0, high=0.9
    )
    vote_smoothing: float = _setting(
        0.0,
        "share of a training target given to P(label | FER+ votes), fitted on the training split",
        low=0.0,
        high=1.0,
    )
    ema: float = _setting(
        0.0,
        "momentum of the averaged weights, which are validated and exported; 0: no averaging",
        low=0.0,
        high=0.99999,
    )
    class_weights: bool = _setting(
        default=False, text="give rare classes more weight: higher balanced accuracy, lower overall accuracy"
    )
    precision: str = _setting(
        "float32", "number format for training; the export is float32", choices=("float32", "mixed_bfloat16")
    )
    ferplus_weight: float = _setting(
        0.0, "weight of the second head, on FER+ votes, in the loss; 0: no such head", low=0.0
    )
    head_weights: dict[str, float] = dataclasses.field(
        default_factory=dict, metadata={"help": "weights of further heads of moue.heads in the loss, by name"}
    )
    distill_weight: float = _setting(
        0.0, "share of a training target that comes from a teacher (moue distill); 0: no teacher", low=0.0, high=1.0
    )
    distill_temperature: float = _setting(
        1.0, "above 1 it softens the teacher's probabilities; 1: no change", low=0.1, high=20.0
    )
    distill_copies: int = _setting(
        0,
        "the teacher classifies this many moved copies of each face; the student sees one per epoch, in turn; 0: off",
        low=0,
        high=64,
    )
    flip: bool = _setting(default=False, text="mirror half of the faces, at random")
    rotation_degrees: float = _setting(0.0, "rotate by up to this many degrees either way", low=0.0, high=180.0)
    shift_fraction: float = _setting(0.0, "shift by up to this fraction of the side", low=0.0, high=0.5)
    zoom_fraction: float = _setting(0.0, "enlarge or shrink by up to this fraction", low=0.0, high=0.9)
    brightness: float = _setting(0.0, "add or subtract up to this fraction of 255", low=0.0, high=1.0)
    contrast: float = _setting(0.0, "raise or lower contrast by up to this fraction", low=0.0, high=1.0)
    erasing_probability: float = _setting(
        0.0, "probability that a rectangle is filled with one gray", low=0.0, high=1.0
    )
    erasing_size: float = _setting(0.2, "largest fraction of the area that the rectangle covers", low=0.02, high=0.9)
    damage_probability: float = _setting(
        0.0, "probability that a face gets noise, motion blur or fewer pixels, at a random strength", low=0.0, high=1.0
    )
    mixup_alpha: float = _setting(0.0, "blend two faces, with a share drawn from Beta(alpha, alpha); 0: off", low=0.0)
    cutmix_alpha: float = _setting(
        0.0,
        "paste a rectangle of another face, its share drawn as for mixup; with both, each batch gets one at random",
        low=0.0,
    )
    early_stopping_patience: int = _setting(
        10, "stop after this many epochs without a lower validation loss; 0: never", low=0
    )
    seed: int = _setting(0, "seed for weights, dropout, augmentation and order of faces", low=0)

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = _as_type(field.name, getattr(self, field.name), hints[field.name])
            object.__setattr__(self, field.name, value)
            _check_limits(field.name, value, field.metadata)
        if self.learning_rate == 0:
            raise SettingError("learning_rate = 0.0", "more than 0")
        heads_in(self)
        if self.optimizer == "adam" and self.weight_decay:
            raise SettingError(f"weight_decay = {self.weight_decay} with adam", "0", "Use the optimizer adamw or sgd.")
        if self.warmup_epochs and self.warmup_epochs >= self.epochs:
            raise SettingError(
                f"warmup_epochs = {self.warmup_epochs}",
                f"fewer than epochs = {self.epochs}",
                "Add --set warmup_epochs=0.",
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], origin: str = "") -> TrainConfig:
        """Make a configuration from names and values.

        Args:
            values: Field names and values; `model_options.NAME` is an entry of that table, as in TOML.
            origin: The file that the values come from, if any.

        Raises:
            SettingError: a name is unknown or a value is out of range, and `origin` is empty.
            MoueError: the same, if `origin` names a file.
        """
        try:
            merged = with_entries({}, values)
            _check_names(merged, {field.name for field in dataclasses.fields(cls)})
            return cls(**merged)
        except SettingError as error:
            if not origin:
                raise
            raise MoueError(f"{origin}: {error.came}", error.expected, error.fix) from error

    @classmethod
    def from_recipe(cls, name_or_path: str | Path, **overrides: object) -> TrainConfig:
        """Read a recipe: the name of one that comes with moue, or the path of a TOML file.

        Args:
            name_or_path: e.g. ``"seed_cnn"`` or ``"my/recipe.toml"``.
            **overrides: Fields that replace the recipe's; `model_options.NAME` replaces one entry of that table.

        Raises:
            SettingError: no such recipe, or a wrong name or value among the overrides.
            MoueError: the file is not TOML, or has a wrong name or value.
        """
        source, values = read_recipe(name_or_path)
        values.pop("search", None)  # what `moue tune` may change: moue.training.tuning.space
        values = {"recipe": Path(source).stem, **values}
        config = cls.from_dict(values, f"recipe {source}")
        return cls.from_dict(with_entries(values, overrides)) if overrides else config

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, for config.json."""
        return dataclasses.asdict(self)


def with_entries(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with changes applied; a name such as ``model_options.dropout`` changes one entry of a table.

    Args:
        values: Field names and values.
        changes: The same; names may have a dot, as in TOML.
    """
    if not isinstance(changes, dict):
        raise SettingError(f"the settings are a {type(changes).__name__}", "names and values")
    dotted = [name for name in changes if str(name).partition(".")[0] in _TABLES and "." in name]
    merged = {**values, **{name: value for name, value in changes.items() if name not in dotted}}
    for name in dotted:
        table, _, entry = name.partition(".")
        before = merged.get(table, {})
        if isinstance(before, dict):  # the type check refuses anything else
            merged[table] = {**before, entry: changes[name]}
    return merged


def refuse_no_config(value: object) -> None:
    """Raise `MoueError` if `value`, which a caller passed as a configuration, is something else, such as a name."""
    if not isinstance(value, TrainConfig):
        came = "None" if value is None else f"of type {type(value).__name__}"
        raise MoueError(
            f"the configuration is {came}", "a TrainConfig", "Read one: moue.TrainConfig.from_recipe(name)."
        )


def read_recipe(name_or_path: str | Path) -> tuple[str, dict[str, Any]]:
    """Return the path of a recipe and the contents of its TOML file.

    Raises:
        MoueError: no such recipe, or not TOML.
    """
    source = _find_recipe(name_or_path)
    try:
        return str(source), tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MoueError(f"recipe {source} cannot be read: {error}", "a TOML file of settings") from error


def list_recipes() -> list[str]:
    """Return the names of the recipes that come with moue."""
    return sorted(Path(entry.name).stem for entry in _recipe_folder().iterdir() if entry.name.endswith(".toml"))


def _recipe_folder() -> Traversable:
    return importlib.resources.files("moue.training") / "recipes"


def _find_recipe(name_or_path: str | Path) -> Traversable:
    path = as_path(name_or_path, "the recipe")
    if path.suffix == ".toml":
        return path
    names = list_recipes()
    if str(name_or_path) not in names:
        raise SettingError(
            f"unknown recipe {str(name_or_path)!r}", f"one of {', '.join(names)}, or the path of a .toml file"
        )
    return _recipe_folder() / f"{name_or_path}.toml"


def _check_names(values: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(str(name) for name in set(values) - known)
    if unknown:
        meant = [match for name in unknown for match in difflib.get_close_matches(name, known, 1)]
        fix = f"Did you mean {', '.join(meant)}?" if meant else ""
        raise SettingError(f"unknown setting: {', '.join(unknown)}", f"one of {', '.join(sorted(known))}", fix)


def _check_limits(name: str, value: Any, limits: Mapping[str, Any]) -> None:  # noqa: ANN401 (any field)
    low, high, choices = (limits.get(limit) for limit in ("low", "high", "choices"))
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingError(f"{name} = {value}", "a finite number")
    if low is not None and value < low:
        raise SettingError(f"{name} = {value}", f"at least {low}")
    if high is not None and value > high:
        raise SettingError(f"{name} = {value}", f"at most {high}")
    if choices is not None and value not in choices:
        raise SettingError(f"{name} = {value!r}", f"one of {', '.join(choices)}")


def _as_type(name: str, value: Any, wanted: Any) -> Any:  # noqa: ANN401 (any field)
    """Return `value` as the field's type; only an int is converted, to a float field."""
    kind = typing.get_origin(wanted) or wanted
    if isinstance(wanted, types.UnionType):
        kind = typing.get_args(wanted)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > _MAX_INT:
            raise SettingError(f"{name} has more than 300 digits", "a finite number")
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise SettingError(f"{name} = {value!r} ({type(value).__name__})", _TYPE_NAMES.get(wanted, str(wanted)))
    return value
