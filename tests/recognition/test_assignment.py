"""The assignment against trying every pairing."""

import itertools

import numpy as np
import pytest

from moue.recognition.assignment import assign


def best_sum(worth):
    if worth.shape[0] > worth.shape[1]:
        worth = worth.T
    rows, columns = worth.shape
    return max(
        sum(worth[row, column] for row, column in enumerate(chosen))
        for chosen in itertools.permutations(range(columns), rows)
    )


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("whole", [False, True])  # whole numbers: many sums are the same
def test_no_other_pairing_is_worth_more(seed, whole):
    random = np.random.default_rng(seed)
    shape = random.integers(1, 7, 2)
    worth = random.integers(-2, 3, shape).astype(float) if whole else random.normal(size=shape)
    pairs = assign(worth)
    assert len(pairs) == min(shape)
    assert pairs == sorted(pairs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert sum(worth[pair] for pair in pairs) == pytest.approx(best_sum(worth))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_is_paired_with_nothing(shape):
    assert assign(np.zeros(shape)) == []


def test_a_good_pair_is_given_up_for_a_better_sum():
    # The best single pair is (0, 0), worth 10; without it both rows get 9.
    assert assign(np.array([[10.0, 9.0], [9.0, 0.0]])) == [(0, 1), (1, 0)]
