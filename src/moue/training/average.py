"""Averaged weights: what is validated and exported when `ema` is on (Polyak & Juditsky 1992)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.training.backend import import_keras

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# A momentum of 0.9 looks back over some ten.
_STATISTICS_BATCHES: Final = 16


def make_averager(feed: Any) -> Any:  # noqa: ANN401 (keras.callbacks.Callback, a PyDataset)
    """Return a callback under which validation sees the averaged weights, while training continues with its own.

    The optimizer keeps the average, step by step, and its state holds it. The statistics of BatchNorm layers belong to
    the weights they were taken with; for the averaged weights they are computed again, over the same 16 batches each
    time, as in stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407).

    Args:
        feed: What `moue.training.batches.make_feed` returned.
    """
    keras = import_keras()

    class Averager(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
        def on_test_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
            self.own = _values(self.model)
            optimizer = self.model.optimizer
            # As keras.callbacks.SwapEMAWeights does: Keras has no public name for it.
            for variable, average in zip(
                optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True
            ):
                # A copy: on JAX both would else be one buffer, which the next step takes away from the optimizer too.
                variable.assign(_copy(average))
            _take_statistics(self.model, feed)
            self.averaged = _values(self.model)

        def on_test_end(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
            _assign(self.model, self.own)

        @contextlib.contextmanager
        def applied(self) -> Iterator[None]:
            """Put in the averaged weights of the last validation for a while."""
            _assign(self.model, self.averaged)
            try:
                yield
            finally:
                _assign(self.model, self.own)

    return Averager()


def _values(model: Any) -> list[NDArray[np.float32]]:  # noqa: ANN401
    """Return weights and BatchNorm statistics, not the states of random layers."""
    return [_copy(variable) for variable in model.weights]


def _copy(variable: Any) -> NDArray[np.float32]:  # noqa: ANN401 (keras.Variable)
    return np.array(import_keras().ops.convert_to_numpy(variable))


def _assign(model: Any, values: list[NDArray[np.float32]]) -> None:  # noqa: ANN401
    for variable, value in zip(model.weights, values, strict=True):
        variable.assign(value)


def _take_statistics(model: Any, feed: Any) -> None:  # noqa: ANN401
    """Set the statistics of all BatchNorm layers to their mean over batches of the feed."""
    kind = import_keras().layers.BatchNormalization
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, kind)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    try:
        for index in range(min(_STATISTICS_BATCHES, len(feed))):
            for layer in layers:
                layer.momentum = index / (index + 1)  # a running mean of equal parts
            model(feed.batch(0, index)[0].astype(np.float32), training=True)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
