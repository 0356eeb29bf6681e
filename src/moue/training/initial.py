"""Starting a training from the weights of an earlier one (fine-tuning)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from moue.errors import MoueError
from moue.training.backend import import_keras
from moue.training.run import RunFolder
from moue.training.targets import EMOTION, PERCEIVED

_HEADS: Final = (EMOTION, PERCEIVED)


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


def start_from(model: Any, path: Path) -> tuple[str, ...]:  # noqa: ANN401 (keras.Model)
    """Copy the weights of an earlier training into a network of the same layers, in their order.

    Heads are told apart by name, and one that the earlier network has not, or that answers another number of classes,
    keeps its random start.

    Args:
        model: What `moue.training.assemble.assemble` returned.
        path: What `find_weights` returned.

    Returns:
        The heads that were left as they were.

    Raises:
        MoueError: the file cannot be read, or holds a network of other layers.
    """
    try:
        source = import_keras().saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises many kinds, of which none is promised.
        raise MoueError(f"cannot read {path}: {error}", "a model saved by moue train") from error
    known, wanted = _trunk(source), _trunk(model)
    if [_shapes(layer) for layer in known] != [_shapes(layer) for layer in wanted]:
        raise MoueError(
            f"{path} holds {source.name!r} of other layers ({len(known)} with weights) than those to be trained",
            f"{model.name!r} with {len(wanted)} layers of the sizes configured",
            "Give the same model and model_options as the earlier run had.",
        )
    heads, before = _heads(model), _heads(source)
    left = tuple(name for name, head in heads.items() if name not in before or _shapes(before[name]) != _shapes(head))
    pairs = [*zip(known, wanted, strict=True), *((before[name], heads[name]) for name in heads if name not in left)]
    for there, here in pairs:
        here.set_weights(there.get_weights())
    return left


def _trunk(model: Any) -> list[Any]:  # noqa: ANN401
    return [layer for layer in model.layers if layer.weights and layer.name not in _HEADS]


def _heads(model: Any) -> dict[str, Any]:  # noqa: ANN401
    return {layer.name: layer for layer in model.layers if layer.name in _HEADS}


def _shapes(layer: Any) -> list[tuple[int, ...]]:  # noqa: ANN401
    return [tuple(variable.shape) for variable in layer.weights]
