"""Averaged weights, which are validated and exported when `ema` is on (Polyak & Juditsky 1992)."""

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

# BatchNorm's momentum of 0.9 averages over about ten.
_STATISTICS_BATCHES: Final = 16
_RAMP: Final = 10


def ramp_average(optimizer: keras.optimizers.Optimizer) -> None:
    """Make the optimizer's average cover at most about a tenth of the steps so far.

    Keras uses the full momentum from the second step on. With momentum 0.998, the first step's weights still make up a
    third of the average after 500 steps, so a short training would end with little more than its initial weights. Here
    the momentum of step t (from 0) is at most t / (t + 10).

    Args:
        optimizer: An optimizer with `use_ema`, before its first step.
    """

    def update(variables: Sequence[keras.Variable]) -> None:
        ops = keras.ops
        step = ops.cast(optimizer.iterations, "float32")
        momentum = ops.minimum(optimizer.ema_momentum, step / (step + _RAMP))
        for variable, average in zip(variables, optimizer._model_variables_moving_average, strict=True):
            average.assign(momentum * average + (1 - momentum) * variable)

    # Patched on the instance, without a subclass, so that saved models name an optimizer that Keras knows.
    optimizer._update_model_variables_moving_average = update


class Averager(keras.callbacks.Callback):
    """Validates the averaged weights; training continues with its own.

    The optimizer updates the average at each step and keeps it in its state. BatchNorm statistics belong to the weights
    that they were computed with; for the averaged weights they are recomputed, over the same 16 batches each time, as
    in stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407).

    Args:
        feed: The training batches.
    """

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed
        self._own: Weights = []
        self._averaged: Weights = []

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Swap in the averaged weights."""
        self._own = _values(self.model)
        optimizer = self.model.optimizer
        # As keras.callbacks.SwapEMAWeights does: Keras has no public API for it.
        for variable, average in zip(
            optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True
        ):
            # A copy: on JAX both would share one buffer, which the next step would invalidate for the optimizer too.
            variable.assign(_copy(average))
        self._recompute_statistics()
        self._averaged = _values(self.model)

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Restore the training's own weights."""
        _assign(self.model, self._own)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Use the averaged weights of the last validation within the block."""
        _assign(self.model, self._averaged)
        try:
            yield
        finally:
            _assign(self.model, self._own)

    def _recompute_statistics(self) -> None:
        """Set the statistics of all BatchNorm layers to their mean over some training batches."""
        kind = keras.layers.BatchNormalization
        # Frozen layers keep their statistics (fine-tuning).
        layers = [layer for layer in self.model._flatten_layers() if isinstance(layer, kind) and layer.trainable]
        if not layers:
            return
        momenta = [layer.momentum for layer in layers]
        try:
            for index in range(min(_STATISTICS_BATCHES, len(self._feed))):
                for layer in layers:
                    layer.momentum = index / (index + 1)  # a running mean with equal weights
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
