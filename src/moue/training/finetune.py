"""Starting a training from the weights of an earlier one (fine-tuning)."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from moue.errors import MoueError
from moue.files import read_json, sha256_of
from moue.heads import list_heads
from moue.training.backend import keras
from moue.training.run_folder import RunFolder


def find_weights(source: str | Path) -> Path:
    """Return the Keras file of a run folder, or the file itself.

    Raises:
        MoueError: there is none.
    """
    path = RunFolder(Path(source)).best if Path(source).is_dir() else Path(source)
    if not path.is_file() or path.suffix != ".keras":
        raise MoueError(
            f"initial_weights: no Keras model at {path}",
            "a run folder of moue train, or a .keras file",
            "Exported networks (.onnx) cannot be trained further.",
        )
    return path


def start_from_earlier(model: keras.Model, source: str) -> dict[str, Any]:
    """Put in the weights of an earlier training; return what environment.json says about them.

    Raises:
        MoueError: as `find_weights` and `start_from`.
    """
    path = find_weights(source)
    left = start_from(model, path)
    earlier = RunFolder(path.parent).environment
    command = read_json(earlier).get("command", "") if earlier.exists() else ""
    return {"sha256": sha256_of(path), "command": command, "heads_left_random": list(left)}


def start_from(model: keras.Model, path: Path) -> tuple[str, ...]:
    """Copy the weights of an earlier training into a network of the same layers, in their order.

    A head keeps its random start if the earlier network lacks it or has another number of classes for it.

    Args:
        model: What `moue.training.network.assemble` returned.
        path: What `find_weights` returned.

    Returns:
        The heads that keep their random start.

    Raises:
        MoueError: the file cannot be read, or holds a network of other layers.
    """
    try:
        source = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises many kinds and documents none.
        raise MoueError(f"cannot read {path}: {error}", "a model saved by moue train") from error
    (before, known), (wanted, heads) = _split(source), _split(model)
    _refuse_other_layers(path, before, wanted)
    left = tuple(name for name, head in heads.items() if name not in known or _shapes(known[name]) != _shapes(head))
    pairs = [*zip(before, wanted, strict=True), *((known[name], heads[name]) for name in heads if name not in left)]
    for there, here in pairs:
        here.set_weights(there.get_weights())
    return left


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
