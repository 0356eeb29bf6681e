"""The results of `measure_robustness` as lines of text for a terminal."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from moue.evaluation.corruptions import STRENGTHS

if TYPE_CHECKING:
    from moue.evaluation.robustness import Robustness

_PART: Final = 34  # columns of the first cell


def robustness_lines(result: Robustness) -> str:
    """Return the results as lines of at most 80 columns."""
    parts = [_corruptions(result, output) for output in result.clean]
    parts += [_mirror(result), _slices(result), _selective(result), _voters(result)]
    return "\n\n".join(part for part in parts if part)


def _corruptions(result: Robustness, output: str) -> str:
    title = f"{output}, accuracy at strength"
    lines = [
        _row(title, *map(str, STRENGTHS), "mean"),
        _row("undamaged", *[""] * 5, _percent(1 - result.clean[output])),
    ]
    for entry in result.corruptions:
        if entry.output == output:
            values = [_percent(1 - error) for error in entry.errors]
            lines.append(_row(entry.corruption, *values, _percent(1 - sum(entry.errors) / len(STRENGTHS))))
    lines.append(_row("all corruptions", *[""] * 5, _percent(1 - result.mean_error[output])))
    if result.mce is not None and result.relative_mce is not None and output == next(iter(result.clean)):
        lines.append(f"mean corruption error {_percent(result.mce)}, relative {_percent(result.relative_mce)}")
        lines.append(f"  (100 % is as bad as {result.reference})")
    return "\n".join(lines)


def _mirror(result: Robustness) -> str:
    lines = [_row("mirrored", "accuracy", "unchanged", "distance")]
    lines += [
        _row(entry.output, _percent(entry.accuracy), _percent(entry.same), f"{entry.distance:.3f}")
        for entry in result.mirror
    ]
    return "\n".join(lines)


def _slices(result: Robustness) -> str:
    lines = [_row(f"{result.sliced}, accuracy on", "faces", "accuracy", "95 % CI")]
    for measure, group in itertools.groupby(result.slices, lambda entry: entry.measure):
        lines.append(measure)
        for entry in group:
            interval = f"{100 * entry.low:.1f}-{100 * entry.high:.1f}"
            lines.append(_row(f"  {entry.part}", str(entry.num_faces), _percent(entry.accuracy), interval))
    return "\n".join(lines)


def _selective(result: Robustness) -> str:
    title = f"{result.sliced}, sure: {100 * result.unsure_below:.0f} % or more"
    lines = [_row(title, "faces", "accuracy", "sure", "accuracy", "AURC")]
    for entry in result.selective:
        sure = (_percent(entry.sure_share), _percent(entry.sure_accuracy) if entry.sure_share else "")
        lines.append(_row(entry.output, str(entry.num_faces), _percent(entry.accuracy), *sure, f"{entry.area:.3f}"))
    return "\n".join(lines)


def _voters(result: Robustness) -> str:
    voters = result.voters
    if voters is None:
        return ""
    low, high = voters.divergence_interval
    return "\n".join(
        [
            f"{voters.output} and the distribution of the voters, {voters.num_faces} faces",
            f"  KL {voters.divergence:.3f} nats (95 % CI {low:.3f}-{high:.3f})",
            f"  … for a constant prediction, the mean of all votes: {voters.always:.3f}",
            f"  a face's voters who agree with the prediction: {_percent(voters.shared)}",
            f"  … who agree with one voter: {_percent(voters.people_share)}; at most {_percent(voters.top_shared)}",
        ]
    )


def _row(first: str, *cells: str) -> str:
    wide = max(7, (80 - _PART) // len(cells) - 1) if len(cells) < 6 else 6
    return f"{first:<{_PART}.{_PART}}{''.join(f' {cell:>{wide}}' for cell in cells)}".rstrip()


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 1 else "100 %"
