"""Make a finished run the network that moue ships under a name: python scripts/ship.py RUN NAME.

The run is exported in 16 bits beforehand (`moue export RUN DATA --ferplus … --half`). Copies the network, scores it
on PrivateTest (MOUE_FER2013 and MOUE_FERPLUS name the files), writes its description and its card, rewrites the
README's table, and records its answers to the doctor's drawn faces. This is where PrivateTest is scored: once for a
finished network.
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
    dataset()  # what is missing for the scores should be missing before anything is replaced
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
