"""The assignment problem: pair rows with columns so that the total value of the pairs is greatest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def assign(values: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return min(M, N) pairs (row, column), sorted by row; each row and each column is in at most one pair.

    The Hungarian method with shortest augmenting paths and potentials (Kuhn 1955; Jonker & Volgenant 1987), in
    O(M^2 N) for M rows and N >= M columns.

    Args:
        values: float (M, N), finite.
    """
    if values.shape[0] > values.shape[1]:
        return sorted((row, column) for column, row in assign(values.T))
    num_rows, num_columns = values.shape
    # Each search begins at an extra last column, which holds the row that is to be paired.
    row_of = np.full(num_columns + 1, -1)
    row_price, column_price = np.zeros(num_rows), np.zeros(num_columns + 1)
    for row in range(num_rows):
        column, row_of[-1] = num_columns, row
        least, came_from = np.full(num_columns, np.inf), np.full(num_columns, num_columns)
        open_columns = np.ones(num_columns + 1, bool)
        while row_of[column] >= 0:
            open_columns[column] = False
            current = row_of[column]
            cost = -values[current] - row_price[current] - column_price[:-1]
            better = open_columns[:-1] & (cost < least)
            least[better], came_from[better] = cost[better], column
            nearest = int(np.argmin(np.where(open_columns[:-1], least, np.inf)))
            step = least[nearest]
            row_price[row_of[~open_columns]] += step
            column_price[~open_columns] -= step
            least[open_columns[:-1]] -= step
            column = nearest
        while column != num_columns:  # flip the pairs along the path
            row_of[column] = row_of[came_from[column]]
            column = int(came_from[column])
    return sorted((int(row), column) for column, row in enumerate(row_of[:-1]) if row >= 0)
