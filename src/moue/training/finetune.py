"""Starting a training from the weights of an earlier one (fine-tuning)."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Any, Final

from moue.classifier.locate import locate, shipped_models
from moue.classifier.spec import ModelSpec
from moue.data.dataset import refuse_no_dataset
from moue.errors import MoueError, SettingError
from moue.files import as_path, read_json, sha256_of
from moue.heads import list_heads
from moue.training.backend import keras
from moue.training.batch_norm import renew_statistics
from moue.training.config import TrainConfig
from moue.training.from_onnx import describe_exported, load_exported
from moue.training.probe import fit_head
from moue.training.run_folder import RunFolder
from moue.training.targets import make_targets, make_training_targets

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

RECIPE: Final = "finetune"
"""The recipe of a fine-tuning if none is named."""

_ARCHITECTURE: Final = ("model", "model_options")
_NUM_FOR_STATISTICS: Final = 256
# A fine-tuning shows about this many faces, within these limits of epochs.
_FACES_SEEN: Final = 12_000
_MIN_EPOCHS, _MAX_EPOCHS = 6, 15


def find_weights(source: str | Path) -> Path:
    """Return the file that a training can start from: ``best.keras`` of a run folder, a .keras or an .onnx file.

    Args:
        source: Name of a shipped model, run folder, or file.

    Raises:
        MoueError: there is none.
    """
    path = as_path(source, "the model to start from")
    if str(source) in shipped_models() or path.suffix.lower() == ".onnx":
        return locate(source)
    if path.is_dir():
        run = RunFolder(path)
        path = run.best if run.best.is_file() or not run.onnx.is_file() else locate(path)
    if not path.is_file() or path.suffix not in (".keras", ".onnx"):
        raise MoueError(
            f"initial_weights: no model to start from at {path}",
            f"a shipped model ({', '.join(shipped_models())}), a run folder of moue train, a .keras or an .onnx file",
            "Check the name; a folder must hold a run with at least one whole epoch.",
        )
    return path


def finetune_config(source: str | Path, dataset: Dataset, recipe: str = "", **overrides: object) -> TrainConfig:
    """Return a configuration that starts from an earlier model and suits the amount of data.

    Args:
        source: As for `find_weights`.
        dataset: The data; the size of its training split decides epochs, batch size and learning rate.
        recipe: A recipe other than `finetune`; its values are used as they are.
        **overrides: Fields that replace the values chosen here.

    Raises:
        MoueError: as `find_weights`, or as `TrainConfig.from_recipe`.
    """
    refuse_no_dataset(dataset)
    path = find_weights(source)
    known = _architecture(path)
    if overrides.get("model", known.get("model")) != known.get("model", overrides.get("model")):
        raise SettingError(
            f"model = {overrides['model']!r} with a start from {source}", f"{known['model']}, the architecture there",
            "Leave it out.",
        )  # fmt: skip
    known |= {"initial_weights": str(source)}
    if recipe and recipe != RECIPE:
        return TrainConfig.from_recipe(recipe, **{**known, **overrides})
    epochs: Any = overrides.get("epochs")
    fitted = fit_to_amount(len(dataset.where("train")), epochs if isinstance(epochs, int) else None)
    return TrainConfig.from_recipe(RECIPE, **{**known, **fitted, **overrides})


def fit_to_amount(num_faces: int, epochs: int | None = None) -> dict[str, Any]:
    """Return the settings of a fine-tuning that depend on the number of training faces.

    Fewer faces mean more epochs, smaller batches and stronger erasing; the averaged weights look back over a twentieth
    of the training.

    Args:
        num_faces: Faces of the training split.
        epochs: The number of epochs, if it is given.
    """
    batch_size = 16 if num_faces < 500 else 32 if num_faces < 5000 else 128
    if epochs is None:
        epochs = min(max(_FACES_SEEN // max(num_faces, 1), _MIN_EPOCHS), _MAX_EPOCHS)
    steps = epochs * math.ceil(num_faces / batch_size)
    return {
        "batch_size": batch_size,
        "epochs": epochs,
        "warmup_epochs": min(1, epochs - 1),
        "learning_rate": 0.002 if num_faces < 5000 else 0.01,
        "ema": round(min(max(1 - 20 / max(steps, 1), 0.8), 0.998), 4),
        "erasing_probability": 0.5 if num_faces < 500 else 0.3,
    }


def _architecture(path: Path) -> dict[str, Any]:
    """Return the architecture of a file's model as fields of a `TrainConfig`; empty if it is not recorded."""
    if path.suffix == ".onnx":
        config = describe_exported(path)
    elif RunFolder(path.parent).config.is_file():
        config = RunFolder(path.parent).read_config()
    else:
        return {}
    return {name: getattr(config, name) for name in _ARCHITECTURE}


def start_from_earlier(model: keras.Model, source: str, images: NDArray[np.uint8]) -> dict[str, Any]:
    """Load the weights of an earlier training; return the entry about them for environment.json.

    Args:
        model: What `moue.training.network.assemble` returned.
        source: As for `find_weights`.
        images: Training faces, uint8 (N, H, W, C), for the BatchNorm statistics that an exported file lacks.

    Raises:
        MoueError: as `find_weights` and `start_from`.
    """
    path = find_weights(source)
    random_heads = start_from(model, path)
    if path.suffix == ".onnx":
        renew_statistics(model, images[:_NUM_FOR_STATISTICS])
    earlier = RunFolder(path.parent).environment
    environment = read_json(earlier) if earlier.exists() else {}
    name = {"name": source} if source in shipped_models() else {}
    command = environment.get("command", "")
    entry = {"sha256": sha256_of(path), **name, "command": command, "heads_left_random": list(random_heads)}
    return entry | _terms_of(path, environment)


def _terms_of(path: Path, environment: dict[str, Any]) -> dict[str, Any]:
    """Return data and terms of an earlier model, from its description or else from its run folder."""
    description = path.with_suffix(".json") if path.suffix == ".onnx" else RunFolder(path.parent).model_json
    if not description.is_file():
        return {"data": environment.get("data", {})}
    spec = ModelSpec.load(description)
    return {"data": dict(spec.data), "license": dict(spec.license)}


def start_from(model: keras.Model, path: Path) -> tuple[str, ...]:
    """Copy the weights of an earlier training into a model with the same layers, in order.

    A head keeps its random weights if the earlier model lacks it or has another number of classes for it.

    Args:
        model: What `moue.training.network.assemble` returned.
        path: What `find_weights` returned.

    Returns:
        The heads that keep their random weights.

    Raises:
        MoueError: the file cannot be read, or its layers or its input shape differ.
    """
    source = _load(path)
    there, here = (tuple(one.input_shape[1:]) for one in (source, model))
    if there != here:
        raise MoueError(
            f"{path} takes images of {there}, height, width and channels", f"{here}, as the model to train does",
            "Start from a model with that input.",
        )  # fmt: skip
    (before, known), (wanted, heads) = _split(source), _split(model)
    _refuse_other_layers(path, before, wanted)
    random_heads = tuple(
        name for name, head in heads.items() if name not in known or _shapes(known[name]) != _shapes(head)
    )
    kept = [(known[name], heads[name]) for name in heads if name not in random_heads]
    for earlier, layer in [*zip(before, wanted, strict=True), *kept]:
        layer.set_weights(earlier.get_weights())
    return random_heads


def refuse_no_start(config: TrainConfig) -> None:
    """Check that a fine-tuning has something to start from.

    Raises:
        SettingError: it has no initial weights.
    """
    if config.finetune and not config.initial_weights:
        raise SettingError("finetune = true without initial weights", "a network to start from", "Add --from small.")


def keep_statistics(model: keras.Model) -> None:
    """Freeze BatchNorm layers with their stored statistics, which small batches of few faces would spoil."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def fit_first_head(model: keras.Model, dataset: Dataset, config: TrainConfig) -> None:
    """Fit the head that learns the labels on the unchanged trunk; other heads keep their weights."""
    name = list_heads()[0].name
    plain = dataclasses.replace(config, distill_weight=0.0)
    train, val = dataset.subset("train"), dataset.subset("val")
    targets = make_training_targets(train, plain)[name]
    fit_head(model, name, (train.images, targets), (val.images, make_targets(val, plain)[name]))


def _load(path: Path) -> keras.Model:
    if path.suffix == ".onnx":
        return load_exported(path)
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises many types and documents none.
        raise MoueError(f"cannot read {path}: {error}", "a model saved by moue train", "Copy it again.") from error


def _split(model: keras.Model) -> tuple[list[keras.Layer], dict[str, keras.Layer]]:
    """Return the trunk's layers with weights, and the layer with weights of each head."""
    layers = [layer for layer in model.layers if layer.weights]
    first, *more = (head.name for head in list_heads())
    heads = {layer.name: layer for layer in layers if layer.name in more}
    # The first head's layer may be a bare softmax; then the layer before it has the weights.
    *trunk, heads[first] = (layer for layer in layers if layer.name not in more)
    return trunk, heads


def _refuse_other_layers(path: Path, before: list[keras.Layer], wanted: list[keras.Layer]) -> None:
    for there, here in itertools.zip_longest(before, wanted):
        found, expected = (None if layer is None else _shapes(layer) for layer in (there, here))
        if found != expected:
            what = f"a layer {there.name!r} of {found}" if there is not None else "no layer"
            where = f"in place of {here.name!r} of {expected}" if here is not None else "after the last of this network"
            raise MoueError(
                f"{path} holds another network: {what} {where}",
                "the layers of the network to train",
                "Give the same model and model_options as the earlier run had.",
            )


def _shapes(layer: keras.Layer) -> list[tuple[int, ...]]:
    return [tuple(variable.shape) for variable in layer.weights]
