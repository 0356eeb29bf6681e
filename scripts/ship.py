"""Ship a finished run as the model NAME: python scripts/ship.py RUN NAME.

Export the run in 16 bits first (`moue export RUN DATA --ferplus … --half`). The script copies the model, scores it on
PrivateTest (MOUE_FER2013 and MOUE_FERPLUS name the files), writes its description and its card, rewrites the README's
table, and records its predictions for the doctor's drawn faces. PrivateTest is scored only here: once for a finished
model.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from drawn_faces import record
from provenance import commands_of
from results import WEIGHTS, dataset, rescore, write_tables

from moue.classifier.classifier import Classifier
from moue.files import replacing

LICENSE = {  # scripts/provenance.py adds the terms of the data
    "code": "MIT",
    "weights": "MIT, as far as rights in weights exist",
}


def main() -> None:
    """Copy, score, describe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    options = parser.parse_args()
    dataset()  # fails before anything is replaced if the data is missing
    spec = dataclasses.replace(Classifier.load(options.run).spec, name=options.name, license=LICENSE)
    commands_of(options.name, spec.provenance)
    target = WEIGHTS / f"{options.name}.onnx"
    with replacing(target, overwrite=True) as temporary:
        temporary.write_bytes((options.run / "model.onnx").read_bytes())
    spec.save(target.with_suffix(".json"), overwrite=True)
    rescore(options.name)
    write_tables()
    record()


if __name__ == "__main__":
    main()
