"""The assignment compared with a search over all pairings."""

import itertools

import numpy as np
import pytest

from moue.recognition.assignment import assign


def best_sum(values):
    if values.shape[0] > values.shape[1]:
        values = values.T
    rows, columns = values.shape
    return max(
        sum(values[row, column] for row, column in enumerate(chosen))
        for chosen in itertools.permutations(range(columns), rows)
    )


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("whole", [False, True])  # whole numbers: many sums are the same
def test_no_other_pairing_has_a_greater_sum(seed, whole):
    random = np.random.default_rng(seed)
    shape = random.integers(1, 7, 2)
    values = random.integers(-2, 3, shape).astype(float) if whole else random.normal(size=shape)
    pairs = assign(values)
    assert len(pairs) == min(shape)
    assert pairs == sorted(pairs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert sum(values[pair] for pair in pairs) == pytest.approx(best_sum(values))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_empty_matrices_give_no_pairs(shape):
    assert assign(np.zeros(shape)) == []


def test_the_best_pair_is_not_used_if_the_sum_is_better_without_it():
    # The best single pair is (0, 0), worth 10; without it both rows get 9.
    assert assign(np.array([[10.0, 9.0], [9.0, 0.0]])) == [(0, 1), (1, 0)]
