"""From the best Keras model of a run to the pair model.onnx + model.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moue.errors import MoueError
from moue.evaluation.calibration import fit_temperature
from moue.export import BATCH_SIZES, ExportResult, export_onnx
from moue.files import read_json, write_json
from moue.inference.spec import InputSpec
from moue.training.backend import import_keras

if TYPE_CHECKING:
    from moue.data.dataset import Dataset
    from moue.training.config import TrainConfig
    from moue.training.run import RunFolder


def export_run(run: RunFolder, config: TrainConfig, dataset: Dataset) -> ExportResult:
    """Export the epoch of highest validation accuracy and write how to feed it.

    The temperature of the probabilities (Guo et al. 2017, arXiv:1706.04599) is fitted on the validation split.

    Raises:
        MoueError: the run has no best model yet, or the exported network differs from it.
    """
    if not run.best.exists():
        raise MoueError(f"{run.path} has no best.keras", "a run with at least one whole epoch", "Train it first.")
    model = import_keras().saving.load_model(run.best, compile=False)
    validation = dataset.subset("val")
    # A tiny data set may have fewer faces than the comparison wants: take them again from the start.
    compared = validation.images[[k % len(validation) for k in range(max(BATCH_SIZES))]]
    result = export_onnx(model, run.onnx, compared, overwrite=True)
    probabilities = model.predict(validation.images, batch_size=256, verbose=0)
    environment = read_json(run.environment)
    height, width, channels = model.input_shape[1:]
    write_json(
        run.card,
        {
            "format": "moue-model",
            "version": 1,
            "name": config.recipe or config.model,
            "onnx_sha256": result.sha256,
            "input": {
                "height": height,
                "width": width,
                "channels": channels,
                "layout": "NHWC",
                "color": "gray",
                "gray_rule": "rec601",
                "pixel_range": [0, 255],
                "dtype": "float32",
                "resize": "bilinear",
                "crop_margin": InputSpec.crop_margin,
                "crop_shift": InputSpec.crop_shift,
            },
            "heads": [
                {
                    "name": "emotion",
                    "output": result.output,
                    "class_names": list(dataset.class_names),
                    "temperature": fit_temperature(validation.labels, probabilities),
                }
            ],
            "recipe": config.to_dict(),
            "data": environment["data"],
            "versions": environment["versions"],
            "scores": {
                "val": {
                    "accuracy": environment["best_val_accuracy"],
                    "epoch": environment["best_epoch"],
                    "num_views": 1,
                }
            },
            "license": {"code": "MIT", "weights": "unstated", "data": "FER2013: image rights unresolved"},
            "provenance": f"trained by `{environment['command']}`" if environment["command"] else "trained from Python",
        },
    )
    return result
