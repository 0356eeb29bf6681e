"""The figures of robustness as lines of text for a terminal, and as a table for a model card."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from moue.evaluation.corruptions import STRENGTHS

if TYPE_CHECKING:
    from moue.evaluation.robustness import Robustness

_PART: Final = 34  # columns of the first cell


def robustness_lines(found: Robustness) -> str:
    """Return the figures as lines of 80 columns at most."""
    parts = [_corruptions(found, answer) for answer in found.clean]
    parts += [_mirror(found), _slices(found), _selective(found), _voters(found)]
    return "\n\n".join(part for part in parts if part)


def _corruptions(found: Robustness, answer: str) -> str:
    title = f"{answer}, accuracy at strength"
    lines = [_row(title, *map(str, STRENGTHS), "mean"), _row("undamaged", *[""] * 5, _percent(1 - found.clean[answer]))]
    for one in found.corruptions:
        if one.output == answer:
            values = [_percent(1 - error) for error in one.errors]
            lines.append(_row(one.corruption, *values, _percent(1 - sum(one.errors) / len(STRENGTHS))))
    lines.append(_row("all corruptions", *[""] * 5, _percent(1 - found.mean_error[answer])))
    if found.mce is not None and found.relative_mce is not None and answer == next(iter(found.clean)):
        lines.append(f"mean corruption error {_percent(found.mce)}, relative {_percent(found.relative_mce)}")
        lines.append(f"  (100 % is as bad as {found.reference})")
    return "\n".join(lines)


def _mirror(found: Robustness) -> str:
    lines = [_row("mirrored", "accuracy", "unchanged", "distance")]
    lines += [
        _row(one.output, _percent(one.accuracy), _percent(one.same), f"{one.distance:.3f}") for one in found.mirror
    ]
    return "\n".join(lines)


def _slices(found: Robustness) -> str:
    lines = [_row(f"{found.sliced}, accuracy on", "faces", "accuracy", "95 % CI")]
    for measure, group in itertools.groupby(found.slices, lambda one: one.measure):
        lines.append(measure)
        for one in group:
            interval = f"{100 * one.low:.1f}-{100 * one.high:.1f}"
            lines.append(_row(f"  {one.part}", str(one.num_faces), _percent(one.accuracy), interval))
    return "\n".join(lines)


def _selective(found: Robustness) -> str:
    title = f"{found.sliced}, sure: {100 * found.unsure_below:.0f} % or more"
    lines = [_row(title, "faces", "accuracy", "sure", "accuracy", "AURC")]
    for one in found.selective:
        sure = (_percent(one.sure_share), _percent(one.sure_accuracy) if one.sure_share else "")
        lines.append(_row(one.output, str(one.num_faces), _percent(one.accuracy), *sure, f"{one.area:.3f}"))
    return "\n".join(lines)


def _voters(found: Robustness) -> str:
    voters = found.voters
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
