"""Fit the layer that computes `expression` again for an exported model; its other layers stay the same.

Run: python scripts/fit_expression.py MODEL.onnx FER2013_CSV FER2013NEW_CSV [--also DATA]

Replaces both MODEL.onnx and its description MODEL.json, in the same folder.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from moue.classifier.classifier import Classifier
from moue.data.load import load_dataset
from moue.files import sha256_of
from moue.training.expression import append_expression
from moue.training.expression_fit import FitData, describe_fit, fit_expression


def main() -> None:
    """Fit, and replace the two files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("csv", type=Path)
    parser.add_argument("votes", type=Path)
    parser.add_argument("--also", type=Path)
    options = parser.parse_args()
    model = Classifier.load(options.model)
    val = load_dataset(options.csv, ferplus=options.votes).subset("val")
    faces = FitData.of_votes(val, model.predict_heads(val.images, calibrated=False))
    others = None
    if options.also:
        other = load_dataset(options.also)
        others = FitData.of_labels(other, val.class_names, model.predict_heads(other.images, calibrated=False))
    expression = fit_expression(model.spec.heads, val.class_names, faces, others)
    append_expression(options.model, model.spec.heads, expression)
    spec = dataclasses.replace(
        model.spec,
        onnx_sha256=sha256_of(options.model),
        expression=expression,
        data={**model.spec.data, "expression": describe_fit(faces, others)},
    )
    spec.save(options.model.with_suffix(".json"), overwrite=True)
    print(f"{options.model}: expression fitted to {spec.data['expression']}")


if __name__ == "__main__":
    main()
