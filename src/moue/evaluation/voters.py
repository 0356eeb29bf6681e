"""How close an output is to the votes of ten people, as a distribution and not only as a majority."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.labels import FERPLUS_NAMES
from moue.probabilities import PROBABILITY_FLOOR, normalised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


_DRAWS: Final = 500


@dataclasses.dataclass(frozen=True)
class Voters:
    """Agreement with the FER+ voters.

    Attributes:
        output: The output that was compared, e.g. "perceived".
        class_names: The classes that both have; votes for others are left out.
        num_faces: Faces with two or more votes for these classes.
        divergence: Mean Kullback-Leibler divergence of the output from the votes, KL(votes || output), in nats.
        divergence_interval: Bootstrap 95 % interval of it, over faces.
        always: The same for a constant prediction, the mean of all votes.
        shared: Mean fraction of a face's voters who chose the model's most probable class.
        people_share: Mean fraction of a face's other voters who chose the same class as one voter: `shared` of a
            person.
        top_shared: Mean fraction of voters who chose the class with the most votes: the maximum of `shared`.
    """

    output: str
    class_names: tuple[str, ...]
    num_faces: int
    divergence: float
    divergence_interval: tuple[float, float]
    always: float
    shared: float
    people_share: float
    top_shared: float


def compare_with_voters(
    votes: NDArray[np.uint8], y_prob: NDArray[np.floating[Any]], class_names: Sequence[str], output: str
) -> Voters | None:
    """Compare an output with the votes.

    Args:
        votes: uint8 (N, 10) in the order of `FERPLUS_NAMES`.
        y_prob: Calibrated probabilities, float (N, K).
        class_names: The K names.
        output: The output's name, for the result.

    Returns:
        None if a class has no votes of its own, or if no face has two votes.
    """
    if not set(class_names) <= set(FERPLUS_NAMES):
        return None
    counts = votes[:, [FERPLUS_NAMES.index(name) for name in class_names]].astype(np.float64)
    known = counts.sum(axis=1) >= 2
    if not known.any():
        return None
    counts, y_prob = counts[known], y_prob[known].astype(np.float64)
    shares = normalised(counts)
    divergence = _divergence(shares, y_prob)
    mean = np.broadcast_to(shares.mean(axis=0), shares.shape)
    total = counts.sum(axis=1)
    pairs = (counts * (counts - 1)).sum(axis=1) / (total * (total - 1))
    rows = np.arange(len(shares))
    return Voters(
        output=output,
        class_names=tuple(class_names),
        num_faces=len(shares),
        divergence=float(divergence.mean()),
        divergence_interval=_bootstrap(divergence),
        always=float(_divergence(shares, mean).mean()),
        shared=float(shares[rows, y_prob.argmax(axis=1)].mean()),
        people_share=float(pairs.mean()),
        top_shared=float(shares.max(axis=1).mean()),
    )


def _divergence(shares: NDArray[np.float64], y_prob: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    ratio = np.where(shares > 0, shares, 1) / np.maximum(y_prob, PROBABILITY_FLOOR)
    result: NDArray[np.float64] = np.where(shares > 0, shares * np.log(ratio), 0).sum(axis=1)
    return result


def _bootstrap(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile interval of a mean over resampled faces, with a fixed seed."""
    draws = np.random.default_rng(0).integers(0, len(values), (_DRAWS, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)
