"""Figures of robustness: accuracy under corruptions, on parts of a split, and against coverage."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from moue.evaluation.canvas import LIGHT, Theme, make_axes, make_figure, percent_tick
from moue.evaluation.corruption_errors import find_reference_named
from moue.evaluation.corruptions import STRENGTHS, list_corruptions
from moue.evaluation.selective import COVERAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from moue.evaluation.robustness import Robustness
    from moue.evaluation.slices import Slice

_COLUMNS = 4


def corruptions_figure(result: Robustness, theme: Theme = LIGHT) -> Figure:
    """Return a `Figure` with a panel for each corruption: accuracy of each output at strengths 0 (undamaged) to 5."""
    names = list(list_corruptions())
    rows = -(-(len(names) + 1) // _COLUMNS)
    figure = make_figure(11, 2.5 * rows, theme)
    curves = [(output, result.clean[output], _errors(result, output)) for output in result.clean]
    reference = find_reference_named(result.reference)
    if reference is not None:
        curves.append((reference.what.partition(",")[0], reference.clean, reference.errors))
    colours = (theme.first, theme.second, theme.muted)
    axes = None
    for position, name in enumerate(names, start=1):
        axes = make_axes(figure, (rows, _COLUMNS, position), theme)
        for (label, clean, errors), colour, marker in zip(curves, colours, "os^", strict=False):
            values = [1 - clean, *(1 - error for error in errors[name])]
            axes.plot([0, *STRENGTHS], values, color=colour, linewidth=2, marker=marker, markersize=4, label=label)
        _style(axes, theme, name)
        axes.set_xticks([0, *STRENGTHS])
    last = make_axes(figure, (rows, _COLUMNS, rows * _COLUMNS), theme)
    last.set_axis_off()
    if axes is not None:
        handles, labels = axes.get_legend_handles_labels()
        last.legend(handles, labels, loc="center", frameon=False, labelcolor=theme.ink, fontsize=12)
    last.text(0.5, 0.08, "accuracy against strength\n0: the undamaged face", ha="center", color=theme.muted, size=10)
    return figure


def slices_figure(slices: Sequence[Slice], theme: Theme = LIGHT) -> Figure:
    """Return a `Figure` with a dot and a 95 % interval for each part, grouped by measure."""
    figure = make_figure(8.2, 0.9 + 0.27 * (len(slices) + 1.6 * len({entry.measure for entry in slices})), theme)
    axes = make_axes(figure, (1, 1, 1), theme)
    place, ticks, labels = 0.0, [], []
    for measure, group in itertools.groupby(slices, lambda entry: entry.measure):
        axes.text(0.0, place, measure, transform=axes.get_yaxis_transform(), color=theme.ink, size=11, weight="bold")
        place += 1
        for entry in group:
            axes.plot([entry.low, entry.high], [place, place], color=theme.first, linewidth=2.5, solid_capstyle="round")
            axes.plot([entry.accuracy], [place], "o", color=theme.first, markersize=7)
            axes.text(entry.high + 0.008, place, f"{100 * entry.accuracy:.0f}", color=theme.ink, size=9, va="center")
            ticks.append(place)
            labels.append(f"{entry.part}  ·  {entry.num_faces:,}")
            place += 1
        place += 0.6
    axes.set_yticks(ticks, labels)
    axes.set_ylim(place, -1)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter(percent_tick)
    axes.set_xlabel("accuracy, with the 95 % interval; faces of each part on the left", color=theme.muted, size=11)
    return figure


def selective_figure(result: Robustness, theme: Theme = LIGHT) -> Figure:
    """Return a `Figure` with a panel for all predictions and one for each class: accuracy against coverage."""
    rows = -(-len(result.selective) // _COLUMNS)
    figure = make_figure(11, 2.6 * rows, theme)
    for position, entry in enumerate(result.selective, start=1):
        axes = make_axes(figure, (rows, _COLUMNS, position), theme)
        axes.plot([100 * share for share in COVERAGES], entry.curve, color=theme.first, linewidth=2)
        if entry.sure_share:
            axes.plot([100 * entry.sure_share], [entry.sure_accuracy], "o", color=theme.second, markersize=8)
            axes.annotate(
                f"sure: {100 * entry.sure_accuracy:.0f} %", (100 * entry.sure_share, entry.sure_accuracy),
                xytext=(-6, -16), textcoords="offset points", ha="right", color=theme.ink, size=9,
            )  # fmt: skip
        _style(axes, theme, f"{entry.output} · {entry.num_faces:,}")
        axes.set_xticks([0, 50, 100], ["0", "50", "100 %"])
    return figure


def _errors(result: Robustness, output: str) -> dict[str, tuple[float, ...]]:
    return {entry.corruption: entry.errors for entry in result.corruptions if entry.output == output}


def _style(axes: Axes, theme: Theme, title: str) -> None:
    axes.set_title(title, loc="left", color=theme.ink, size=12, weight="bold")
    axes.set_ylim(0, 1.02)
    ticks: list[Any] = [0, 0.5, 1]
    axes.set_yticks(ticks)
    axes.yaxis.set_major_formatter(percent_tick)
    axes.tick_params(labelsize=9)
