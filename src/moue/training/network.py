"""Builds and compiles the network of a configuration."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from moue.heads import heads_in, list_heads
from moue.training.average import ramp_average
from moue.training.backend import keras
from moue.training.batch_norm import fuse_batch_norm
from moue.training.models import build_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from moue.heads import Head
    from moue.training.config import TrainConfig


def assemble(config: TrainConfig, num_classes: int) -> keras.Model:
    """Build the configured network with all its heads.

    Args:
        config: The configuration.
        num_classes: Number of the data set's own classes.

    Returns:
        A model that gives probabilities (N, num_classes), or a dictionary of them by head if there are several heads.
    """
    with _precision(config.precision):
        model = build_model(config.model, num_classes, options=config.model_options)
        _, *more = heads_in(config)
        return add_heads(model, more, num_classes) if more else model


def add_heads(model: keras.Model, heads: Sequence[Head], num_classes: int) -> keras.Model:
    """Return the network with more heads, each float32 (N, K).

    They take the input of the first head's layer, or the output of the layer "features" if the network has one.

    Args:
        model: A network with a layer that has the name of the first head.
        heads: The heads to add.
        num_classes: Number of the data set's own classes.
    """
    first = model.get_layer(list_heads()[0].name)
    named = any(layer.name == "features" for layer in model.layers)
    features = model.get_layer("features").output if named else first.input
    if len(features.shape) == 4:
        features = keras.layers.GlobalAveragePooling2D()(features)
    outputs = {first.name: first.output}
    for head in heads:
        size = len(head.class_names) or num_classes
        layer = keras.layers.Dense(size, activation="softmax", dtype="float32", name=head.name)
        outputs[head.name] = layer(features)
    return keras.Model(model.inputs[0], outputs, name=model.name)


def compile_model(model: keras.Model, config: TrainConfig, steps_per_epoch: int, state: Path | None = None) -> None:
    """Compile the network with its loss and optimizer, and load the state of both when a run is resumed.

    The state is loaded into a new optimizer, because Keras does not save which variables are excluded from weight
    decay.

    Args:
        model: What `assemble` returns.
        config: The configuration.
        steps_per_epoch: Batches per epoch, for the schedule.
        state: A file saved by `moue.training.callbacks.save_model` with the same choices.
    """
    fuse_batch_norm(model)
    optimizer = make_optimizer(config, steps_per_epoch)
    crossentropy = "categorical_crossentropy"
    weights = {head.name: weight for head, weight in heads_in(config).items()}
    if len(weights) > 1:
        model.compile(
            optimizer,
            loss=dict.fromkeys(weights, crossentropy),
            loss_weights=weights,
            metrics={list_heads()[0].name: ["accuracy"]},
        )
    else:
        model.compile(optimizer, loss=crossentropy, metrics=["accuracy"])
    optimizer.build(model.trainable_variables)  # here, so that its variables are placed like the model's
    if state is not None:
        model.load_weights(state)


def make_optimizer(config: TrainConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Return the optimizer; its learning rate depends only on its own step count.

    Args:
        config: The configuration.
        steps_per_epoch: Batches per epoch.
    """
    optimizers = keras.optimizers
    options: dict[str, Any] = {"learning_rate": _make_schedule(config, steps_per_epoch)}
    if config.ema:
        options |= {"use_ema": True, "ema_momentum": config.ema}
    if config.optimizer == "sgd":
        options |= {"momentum": config.momentum, "nesterov": config.momentum > 0}
    if config.optimizer != "adam":
        options["weight_decay"] = config.weight_decay or None
    optimizer = {"adam": optimizers.Adam, "adamw": optimizers.AdamW, "sgd": optimizers.SGD}[config.optimizer](**options)
    if config.optimizer != "adam":
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if config.ema:
        ramp_average(optimizer)
    return optimizer


def _make_schedule(
    config: TrainConfig, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    warmup = config.warmup_epochs * steps_per_epoch
    if config.schedule == "constant" and not warmup:
        return config.learning_rate
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else config.learning_rate,
        decay_steps=config.epochs * steps_per_epoch - warmup,
        # The fraction of the learning rate that is left at the end; 1 means no decay.
        alpha=0.0 if config.schedule == "cosine" else 1.0,
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


@contextlib.contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Let new layers compute in `policy`; variables stay float32."""
    config = keras.config
    before = config.dtype_policy()
    config.set_dtype_policy(policy)
    try:
        yield
    finally:
        config.set_dtype_policy(before)


def as_float32(model: keras.Model) -> keras.Model:
    """Return a network with the same weights that computes in float32 throughout."""
    if all(layer.compute_dtype == "float32" for layer in model.layers):
        return model
    plain = keras.models.clone_model(
        model, clone_function=lambda layer: layer.__class__.from_config({**layer.get_config(), "dtype": "float32"})
    )
    plain.set_weights(model.get_weights())
    return plain
