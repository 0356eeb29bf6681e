"""Averaged weights: what is validated and exported when `ema` is on (Polyak & Juditsky 1992)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.training.backend import keras

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from moue.training.batches import Feed

    Weights = list[NDArray[np.float32]]

# A momentum of 0.9 looks back over about ten.
_STATISTICS_BATCHES: Final = 16
_RAMP: Final = 10


def ramp_average(optimizer: keras.optimizers.Optimizer) -> None:
    """Let the optimizer's average look back over a tenth of the steps so far until its momentum looks back less.

    Keras uses the full momentum from the second step on. An average with the momentum 0.998 then still holds a third of
    the first step's weights after 500 steps, and a short training ends with the weights that it started from. Here the
    momentum of step t (from 0) is at most t / (t + 10).

    Args:
        optimizer: One with `use_ema`, before its first step.
    """

    def update(variables: Sequence[keras.Variable]) -> None:
        ops = keras.ops
        step = ops.cast(optimizer.iterations, "float32")
        momentum = ops.minimum(optimizer.ema_momentum, step / (step + _RAMP))
        for variable, average in zip(variables, optimizer._model_variables_moving_average, strict=True):
            average.assign(momentum * average + (1 - momentum) * variable)

    # Replaced in the object and not by a subclass, so that saved models name an optimizer that Keras knows.
    optimizer._update_model_variables_moving_average = update


class Averager(keras.callbacks.Callback):
    """Validates the averaged weights, while training continues with its own.

    The optimizer keeps the average, step by step, and its state holds it. The statistics of BatchNorm layers belong to
    the weights they were taken with; for the averaged weights they are computed again, over the same 16 batches each
    time, as in stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407).

    Args:
        feed: The training batches.
    """

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed
        self._own: Weights = []
        self._averaged: Weights = []

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Put in the averaged weights."""
        self._own = _values(self.model)
        optimizer = self.model.optimizer
        # As keras.callbacks.SwapEMAWeights does: Keras has no public name for it.
        for variable, average in zip(
            optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True
        ):
            # A copy: otherwise both are one buffer on JAX, and the next step takes it away from the optimizer too.
            variable.assign(_copy(average))
        self._take_statistics()
        self._averaged = _values(self.model)

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Put the training's own weights back."""
        _assign(self.model, self._own)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Put in the averaged weights of the last validation within the block."""
        _assign(self.model, self._averaged)
        try:
            yield
        finally:
            _assign(self.model, self._own)

    def _take_statistics(self) -> None:
        """Set the statistics of all BatchNorm layers to their mean over some training batches."""
        kind = keras.layers.BatchNormalization
        # Frozen ones keep their statistics (fine-tuning).
        layers = [layer for layer in self.model._flatten_layers() if isinstance(layer, kind) and layer.trainable]
        if not layers:
            return
        momenta = [layer.momentum for layer in layers]
        try:
            for index in range(min(_STATISTICS_BATCHES, len(self._feed))):
                for layer in layers:
                    layer.momentum = index / (index + 1)  # a running mean of equal parts
                self.model(self._feed.batch(0, index)[0].astype(np.float32), training=True)
        finally:
            for layer, momentum in zip(layers, momenta, strict=True):
                layer.momentum = momentum


def _values(model: keras.Model) -> Weights:
    """Return weights and BatchNorm statistics, not the states of random layers."""
    return [_copy(variable) for variable in model.weights]


def _copy(variable: keras.Variable) -> NDArray[np.float32]:
    return np.array(keras.ops.convert_to_numpy(variable))


def _assign(model: keras.Model, values: Weights) -> None:
    for variable, value in zip(model.weights, values, strict=True):
        variable.assign(value)
