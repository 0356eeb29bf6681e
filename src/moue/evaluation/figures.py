"""Figures of training and evaluation.

Each function returns a matplotlib `Figure` made without pyplot, so it changes no global state and needs no display.
`canvas.save_figure` and `canvas.figure_uri` turn it into a PNG.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from moue.errors import MoueError
from moue.evaluation.canvas import LIGHT, Theme, make_axes, make_figure, make_legend, percent_tick, save_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from moue.evaluation.metrics import Scores


def plot_history(history: Sequence[Mapping[str, float]], path: str | Path, *, overwrite: bool = True) -> Path:
    """Write the PNG of accuracy and loss per epoch, training and validation, best epoch marked; return its path.

    Args:
        history: One mapping per epoch with epoch (from 1), loss, accuracy, val_loss, val_accuracy; a value may be
            missing or None.
        path: The PNG to write.
        overwrite: Whether an existing file may be replaced.

    Raises:
        MoueError: `history` is empty, or the file exists or cannot be written.
    """
    return save_figure(history_figure(history), path, overwrite=overwrite)


def history_figure(
    history: Sequence[Mapping[str, float]],
    quantities: Sequence[str] = ("accuracy", "loss"),
    *,
    best_epoch: int | None = None,
    theme: Theme = LIGHT,
) -> Figure:
    """Return a `Figure` with one panel per quantity, side by side.

    Args:
        history: As in `plot_history`.
        quantities: "accuracy", "loss" or both.
        best_epoch: The epoch to mark; by default the one with the highest validation accuracy, among equals the one
            with the lowest validation loss.
        theme: Colours.
    """
    if not history:
        raise MoueError("the history is empty", "at least one epoch")
    figure = make_figure(6.2 * len(quantities), 4.1, theme)
    best = best_epoch or _best_epoch(history)
    for position, quantity in enumerate(quantities, start=1):
        axes = make_axes(figure, (1, len(quantities), position), theme)
        _draw_quantity(axes, history, quantity, best, theme)
    return figure


def confusion_figure(scores: Scores, theme: Theme = LIGHT) -> Figure:
    """Return a `Figure` of the confusion matrix: rows true, columns predicted, each cell in percent of its row."""
    from matplotlib.colors import LinearSegmentedColormap

    names, matrix = scores.class_names, scores.confusion_matrix
    size = len(names)
    figure = make_figure(1.5 + 0.72 * size, 1.2 + 0.68 * size, theme)
    axes = make_axes(figure, (1, 1, 1), theme)
    shares = [[count / max(sum(row), 1) for count in row] for row in matrix]
    colours = LinearSegmentedColormap.from_list("moue", [theme.paper, theme.first])
    axes.imshow(shares, cmap=colours, vmin=0.0, vmax=1.0, aspect="auto")
    for i in range(size):
        for j in range(size):
            colour = theme.paper if shares[i][j] > theme.invert_from else theme.ink
            weight = "bold" if i == j else "normal"
            axes.text(
                j, i - 0.1, f"{100 * shares[i][j]:.0f}%", ha="center", va="center", color=colour, size=13, weight=weight
            )
            axes.text(j, i + 0.26, f"{matrix[i][j]}", ha="center", va="center", color=colour, size=8.5, alpha=0.8)
    axes.set_xticks(range(size), names, rotation=35, ha="right", rotation_mode="anchor")
    labels = [f"{name}\n{sum(row)} faces" for name, row in zip(names, matrix, strict=True)]
    axes.set_yticks(range(size), labels)
    axes.set_xticks([k + 0.5 for k in range(size - 1)], minor=True)
    axes.set_yticks([k + 0.5 for k in range(size - 1)], minor=True)
    axes.grid(visible=False, which="major")
    axes.grid(which="minor", color=theme.paper, linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("predicted", color=theme.muted, size=12)
    axes.set_ylabel("true", color=theme.muted, size=12)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def class_bars_figure(scores: Scores, theme: Theme = LIGHT) -> Figure:
    """Return a `Figure` with bars of precision, recall and F1 for each class."""
    entries = scores.per_class
    figure = make_figure(6.54, 1.2 + 0.68 * len(entries), theme)
    axes = make_axes(figure, (1, 1, 1), theme)
    kinds = (("precision", theme.first), ("recall", theme.second), ("f1", theme.third))
    for k, (kind, colour) in enumerate(kinds):
        places = [i + 0.26 * (k - 1) for i in range(len(entries))]
        values = [getattr(entry, kind) for entry in entries]
        axes.barh(places, values, height=0.23, color=colour, label="F1" if kind == "f1" else kind, zorder=3)
        for place, value in zip(places, values, strict=True):
            axes.text(value + 0.012, place, f"{100 * value:.0f}", va="center", color=theme.ink, size=8.5)
    axes.set_yticks(range(len(entries)), [f"{entry.name}\n{entry.support} faces" for entry in entries])
    axes.set_ylim(len(entries) - 0.45, -0.55)
    axes.set_xlim(0, 1.06)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    make_legend(axes, theme, ncols=3)
    return figure


def reliability_figure(scores: Scores, calibrated: Scores | None = None, theme: Theme = LIGHT) -> Figure:
    """Return a `Figure`: accuracy against confidence above, the share of faces at each confidence below.

    Args:
        scores: Scores of the probabilities as trained.
        calibrated: Scores of the same faces after temperature scaling, drawn over them.
        theme: Colours.
    """
    figure = make_figure(6.2, 6.1, theme)
    upper = make_axes(figure, (4, 1, (1, 3)), theme)
    lower = make_axes(figure, (4, 1, 4), theme)
    upper.plot([0, 1], [0, 1], color=theme.muted, linewidth=1, linestyle=(0, (4, 4)), label="perfectly calibrated")
    series = [("as trained", scores, theme.second, "o")]
    if calibrated is not None:
        series.append(("after temperature scaling", calibrated, theme.first, "s"))
    width = 1.0 / len(scores.bins) / len(series) * 0.86
    for k, (name, entry, colour, marker) in enumerate(series):
        bins = [item for item in entry.bins if item.count]
        x, y = [item.confidence for item in bins], [item.accuracy for item in bins]
        upper.plot(x, y, color=colour, linewidth=2, clip_on=False)
        # The area of a mark grows with its number of faces: a point far off the diagonal may be only five faces.
        areas = [14 + 450 * item.count / entry.num_faces for item in bins]
        label = f"{name}: ECE {100 * entry.ece:.1f} %"
        upper.scatter(x, y, s=areas, color=colour, marker=marker, label=label, clip_on=False, zorder=3)
        shift = width * (k + 0.5 - len(series) / 2)
        middles = [(item.low + item.high) / 2 + shift for item in entry.bins]
        lower.bar(middles, [item.count / entry.num_faces for item in entry.bins], width, color=colour, zorder=3)
    for axes in (upper, lower):
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
        axes.yaxis.set_major_formatter(percent_tick)
    upper.set_ylim(0, 1)
    upper.tick_params(labelbottom=False)
    upper.set_ylabel("accuracy", color=theme.muted, size=12)
    lower.set_ylabel("faces", color=theme.muted, size=12)
    lower.set_xlabel("confidence", color=theme.muted, size=12)
    # The legend is above the axes, because a curve may pass through any corner of them.
    legend = make_legend(upper, theme, ncols=1)
    marks: list[Any] = legend.legend_handles[1:]
    for mark in marks:
        mark.set_sizes([45])
    figure.align_ylabels()
    return figure


def _draw_quantity(
    axes: Axes,
    history: Sequence[Mapping[str, float]],
    quantity: str,
    best: int | None,
    theme: Theme,
) -> None:
    epochs = [int(row["epoch"]) for row in history]
    size = 4 if len(epochs) > 1 else 8
    for key, name, colour, marker in (
        (quantity, "training", theme.first, "s"),
        (f"val_{quantity}", "validation", theme.second, "o"),
    ):
        values = _values(history, key)
        if all(math.isnan(value) for value in values):
            continue
        axes.plot(epochs, values, color=colour, linewidth=2, marker=marker, markersize=size, label=name)
        if best in epochs and key.startswith("val_") and not math.isnan(values[epochs.index(best)]):
            value = values[epochs.index(best)]
            axes.plot([best], [value], marker="o", markersize=12, color=colour, fillstyle="none", markeredgewidth=2)
            text = f"{100 * value:.1f} %" if quantity == "accuracy" else f"{value:.3f}"
            axes.axvline(
                best, color=theme.muted, linewidth=1, linestyle=(0, (2, 3)), label=f"best epoch {best}: {text}"
            )
    axes.set_title(quantity, loc="left", color=theme.ink, size=14, weight="bold", pad=30)
    axes.set_xlabel("epoch", color=theme.muted, size=12)
    axes.locator_params(axis="x", integer=True)
    if quantity == "accuracy":
        axes.yaxis.set_major_formatter(percent_tick)
    make_legend(axes, theme, ncols=3)


def _best_epoch(history: Sequence[Mapping[str, float]]) -> int | None:
    pairs = zip(_values(history, "val_accuracy"), _values(history, "val_loss"), strict=True)
    ranks = [(accuracy, -math.inf if math.isnan(loss) else -loss) for accuracy, loss in pairs]
    known = [rank for rank in ranks if not math.isnan(rank[0])]
    return int(history[ranks.index(max(known))]["epoch"]) if known else None


def _values(history: Sequence[Mapping[str, float]], key: str) -> list[float]:
    values = (row.get(key) for row in history)
    return [math.nan if value is None else float(value) for value in values]
