"""Exports the best Keras model of a run as model.onnx and model.json."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from moue.classifier.input_spec import InputSpec
from moue.classifier.output_spec import ExpressionSpec, HeadSpec
from moue.classifier.spec import OTHERS, STARTED_FROM, ModelSpec
from moue.files import replacing, sha256_of
from moue.heads import EXPRESSION, NOT_FACE, heads_in, list_heads
from moue.labels import CLASS_NAMES, FERPLUS_NAMES
from moue.probabilities import fit_temperature
from moue.training.backend import keras
from moue.training.callbacks import best_epoch
from moue.training.export_onnx import BATCH_SIZES, ExportResult, export_onnx
from moue.training.expression import append_expression
from moue.training.expression_fit import FitData, describe_fit, fit_expression
from moue.training.features import find_features
from moue.training.network import as_float32
from moue.training.run_folder import describe_data
from moue.training.targets import refuse_missing_votes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from moue.data.dataset import Dataset
    from moue.heads import Head
    from moue.training.run_folder import RunFolder


def export_run(run: RunFolder, dataset: Dataset, *, others: Dataset | None = None, half: bool = False) -> ExportResult:
    """Export the epoch with the highest validation accuracy, and write its description.

    Temperatures (Guo et al. 2017, arXiv:1706.04599) are fitted on the validation split. They are built
    into the file, together with the rest of `expression`; see `moue.training.expression`.

    Args:
        run: The folder of the training.
        dataset: The data it was trained with.
        others: Labelled faces of another kind; `expression` is fitted to all their splits as well.
        half: As for `export_onnx`.

    Raises:
        MoueError: the run has no best model yet, or the exported network differs from it.
    """
    run.refuse_untrained()
    config = run.read_config()
    refuse_missing_votes(dataset, config, ("val",))
    model = as_float32(keras.saving.load_model(run.best, compile=False))
    validation = dataset.subset("val")
    y_prob = _predict(model, validation)
    heads = tuple(_describe_head(head, y_prob[head.name], validation) for head in heads_in(config))
    # A tiny data set may have fewer faces than the comparison needs: repeat them.
    compared = validation.images[[k % len(validation) for k in range(max(BATCH_SIZES))]]
    other = None if others is None else FitData.of_labels(others, dataset.class_names, _predict(model, others))
    expression, fitted_to = _fit_expression(heads, y_prob, validation, other)
    with replacing(run.onnx) as temporary:
        result = export_onnx(model, temporary, compared, half=half, overwrite=True)
        append_expression(temporary, heads, expression)
        features = find_features(temporary, heads)
    environment = run.read_environment()
    data: dict[str, Any] = environment["data"] | fitted_to
    if others is not None and fitted_to:
        data[OTHERS] = describe_data(others)
    earlier = environment.get("initial_weights") or {}
    if earlier.get("data"):
        data[STARTED_FROM] = earlier["data"]
    # environment.json gets the best epoch only at the end, and a killed run can be exported too.
    best = best_epoch(run.read_history())
    height, width, channels = model.input_shape[1:]
    spec = ModelSpec(
        name=config.recipe or config.model,
        onnx_sha256=sha256_of(run.onnx),
        heads=heads,
        expression=expression,
        input=InputSpec(height=height, width=width, channels=channels),
        recipe=config.to_dict(),
        data=data,
        versions=environment["versions"],
        scores={"val": {"accuracy": best["val_accuracy"], "epoch": int(best["epoch"]), "num_views": 1}},
        license=_describe_terms(dataset, earlier),
        provenance=_describe_origin(environment),
        features=features,
    )
    spec.save(run.model_json, overwrite=True)
    outputs = (EXPRESSION, NOT_FACE, *result.outputs)
    return dataclasses.replace(result, path=run.onnx, sha256=spec.onnx_sha256, outputs=outputs)


def _describe_terms(dataset: Dataset, earlier: dict[str, Any]) -> dict[str, Any]:
    """Return the terms of a run, including those of the model that it started from."""
    data = "FER2013: image rights unresolved" if dataset.class_names == CLASS_NAMES else f"those of {dataset.source}"
    terms = {"code": "MIT", "weights": "unstated", "data": data}
    if not earlier:
        return terms
    name = earlier.get("name") or "the network that it started from"
    known = earlier.get("license") or {}
    for part in ("weights", "data"):
        terms[part] += f"; of {name}: {known.get(part, 'unknown')}"
    return terms


def _describe_origin(environment: dict[str, Any]) -> str:
    command, earlier = environment.get("command", ""), environment.get("initial_weights")
    origin = f"trained by `{command}`" if command else "trained from Python"
    if earlier is None:
        return origin
    start = f"a run made by `{earlier['command']}`" if earlier["command"] else f"SHA-256 {earlier['sha256'][:12]}…"
    if earlier.get("name"):
        start = f"the shipped network {earlier['name']}"
    return f"{origin}, from the weights of {start}"


def _predict(model: keras.Model, dataset: Dataset) -> dict[str, NDArray[np.float32]]:
    """Return the probabilities of each head."""
    outputs = model.predict(dataset.images, batch_size=256, verbose=0)
    return outputs if isinstance(outputs, dict) else {list_heads()[0].name: outputs}


def _describe_head(head: Head, y_prob: NDArray[np.float32], validation: Dataset) -> HeadSpec:
    """Return a head with its temperature, fitted on the validation split."""
    faces, classes = head.calibration(validation)
    temperature = fit_temperature(classes, y_prob[faces])
    return HeadSpec(head.name, head.name, head.names_for(validation.class_names), temperature)


def _fit_expression(
    heads: tuple[HeadSpec, ...],
    y_prob: dict[str, NDArray[np.float32]],
    validation: Dataset,
    others: FitData | None,
) -> tuple[ExpressionSpec, dict[str, str]]:
    """Return how the heads are combined into the expression, and a description of the data this was fitted to.

    It is the first head alone if there is no usable FER+ head or there are no votes.
    """
    names = validation.class_names
    usable = heads[-1].class_names == FERPLUS_NAMES and set(names) <= set(FERPLUS_NAMES)
    faces = FitData.of_votes(validation, y_prob) if usable and validation.votes is not None else None
    if faces is None or not len(faces.labels):
        return ExpressionSpec.of_head(heads[0]), {}
    return fit_expression(heads, names, faces, others), {"expression": describe_fit(faces, others)}
