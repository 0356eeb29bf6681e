"""Writes results to a table in one call."""

from moue.output.tables import TableFile


def write_results(results, path, **choices):
    """Write results and return their number; `choices` are those of `TableFile`."""
    with TableFile(path, **choices) as table:
        for result in results:
            table.write(result)
    return table.num_results
