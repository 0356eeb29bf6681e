"""What mix of the two heads should answer on photographs, and what "not a face" is worth; all on PublicTest.

Run: python benchmarks/heads.py FER2013_CSV FER2013NEW_CSV [MODEL]

For shares of `perceived` from 0 to 1, each class divided by a power of how frequent it is (logit adjustment), prints
accuracy and mean over classes against the FER+ majority (seven classes); then how the probability of "not a face" is
spread over faces and over what the majority of ten people called no face.
"""

from __future__ import annotations

import argparse

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.locate import DEFAULT_MODEL
from moue.classifier.spec import ExpressionSpec
from moue.data.load import load_fer2013
from moue.evaluation.metrics import score
from moue.labels import FERPLUS_NAMES
from moue.training.expression import mix_heads
from moue.votes import majority_labels


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv")
    parser.add_argument("votes")
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL)
    options = parser.parse_args()
    model = Classifier.load(options.model)
    data = load_fer2013(options.csv, ferplus=options.votes)
    val, train = data.subset("val"), data.subset("train")
    if val.votes is None or train.votes is None:
        parser.error("there are no votes")
    heads = model.predict_heads(val.images, calibrated=False, batch_size=256)
    majority = majority_labels(val.votes, val.class_names)
    known = majority >= 0
    # As in moue.training.publish: how often people saw each class in the training split.
    seen = majority_labels(train.votes, val.class_names)
    counts = np.bincount(seen[seen >= 0], minlength=len(val.class_names)) + 1
    print("| share of perceived | power of the prior | FER+ majority | mean over classes | mean of both |")
    print("|---|---|---|---|---|")
    for share in (0.0, 0.5, 0.7, 0.8, 0.9, 1.0):
        for power in (0.0, 0.3, 0.4, 0.5, 0.6, 0.7):
            shares = {name: part for name, part in (("emotion", 1 - share), ("perceived", share)) if part}
            how = ExpressionSpec(val.class_names, shares, tuple((counts / counts.sum()) ** -power))
            mixed = mix_heads(heads, model.spec.heads, how)
            found = score(majority[known], mixed[known], val.class_names)
            both = (found.accuracy + found.balanced_accuracy) / 2
            print(f"| {share} | {power} | {found.accuracy:.1%} | {found.balanced_accuracy:.1%} | {both:.1%} |")
    chances = model.answer(val.images, batch_size=256).not_face
    nobody = val.votes[:, FERPLUS_NAMES.index("not_face")] > val.votes.sum(axis=1) / 2
    print(f"\nnot a face by majority: {nobody.sum()} of {len(val)} images")
    print("| not_face above | faces lost | others found |\n|---|---|---|")
    for limit in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7):
        print(f"| {limit} | {(chances[~nobody] > limit).mean():.2%} | {(chances[nobody] > limit).mean():.0%} |")


if __name__ == "__main__":
    main()
