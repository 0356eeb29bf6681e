"""The figures of a study's page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from moue.evaluation.canvas import Theme, make_axes, make_figure, make_legend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from moue.training.tuning.results import TrialRow

_SHOWN_LABELS = 6


def history_figure(rows: Sequence[TrialRow], best: int, theme: Theme) -> Figure:
    """Return the loss of each trial in order, and the lowest so far."""
    figure = make_figure(6.2, 4.3, theme)
    axes = make_axes(figure, (1, 1, 1), theme)
    for state, colour, marker in (("pruned", theme.muted, "x"), ("finished", theme.first, "o")):
        chosen = [row for row in rows if row.state == state and row.val_loss is not None]
        axes.scatter(
            [row.number for row in chosen], [row.val_loss or 0.0 for row in chosen], color=colour, marker=marker,
            s=34, label=f"{state}: {len(chosen)}", zorder=3,
        )  # fmt: skip
    done = [row for row in rows if row.state == "finished" and row.val_loss is not None]
    lowest = [min(row.val_loss or math.inf for row in done[: place + 1]) for place in range(len(done))]
    axes.step([row.number for row in done], lowest, where="post", color=theme.second, linewidth=2, label="lowest")
    recipe = next((row for row in done if row.is_recipe), None)
    if recipe is not None and recipe.val_loss is not None:
        axes.axhline(recipe.val_loss, color=theme.third, linewidth=1.5, linestyle=(0, (4, 3)), label="the recipe")
    _ring(axes, rows, best, theme)
    _clip(axes, rows)
    axes.set_xlabel("trial", color=theme.muted, size=12)
    axes.set_ylabel("lowest validation loss of its epochs", color=theme.muted, size=12)
    axes.locator_params(axis="x", integer=True)
    make_legend(axes, theme, ncols=4)
    return figure


def importances_figure(importances: Mapping[str, float], theme: Theme) -> Figure:
    """Return how much of the differences between good trials and all trials each choice explains."""
    figure = make_figure(6.2, 1.2 + 0.42 * len(importances), theme)
    axes = make_axes(figure, (1, 1, 1), theme)
    names = sorted(importances, key=lambda name: importances[name])
    values = [importances[name] for name in names]
    axes.barh(range(len(names)), values, height=0.6, color=theme.first, zorder=3)
    for place, value in enumerate(values):
        axes.text(value + 0.01, place, f"{100 * value:.0f} %", va="center", color=theme.ink, size=10)
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.set_xlim(0, max(values, default=1.0) * 1.18)
    axes.set_xticks([])
    axes.grid(visible=False)
    return figure


def curves_figure(rows: Sequence[TrialRow], best: int, theme: Theme) -> Figure:
    """Return the validation loss of every trial by epoch."""
    figure = make_figure(6.2, 4.3, theme)
    axes = make_axes(figure, (1, 1, 1), theme)
    styles = {"finished": (theme.first, 1.3, 0.75), "pruned": (theme.muted, 1.0, 0.55)}
    named = set()
    for row in sorted(rows, key=lambda row: row.number == best):
        if row.number == best or row.state not in styles:
            continue
        colour, width, alpha = styles[row.state]
        label = row.state if row.state not in named else None
        named.add(row.state)
        axes.plot(list(row.losses), list(row.losses.values()), color=colour, linewidth=width, alpha=alpha, label=label,
                  marker="." if len(row.losses) > 1 else "o", markersize=4)  # fmt: skip
    for row in rows:
        if row.number == best:
            axes.plot(list(row.losses), list(row.losses.values()), color=theme.second, linewidth=2.6,
                      marker="o", markersize=5, label=f"trial {best}, the winner")  # fmt: skip
    _clip(axes, rows, 1.1)
    axes.set_xlabel("epoch", color=theme.muted, size=12)
    axes.set_ylabel("validation loss", color=theme.muted, size=12)
    axes.locator_params(axis="x", integer=True)
    make_legend(axes, theme, ncols=3)
    return figure


def parallel_figure(rows: Sequence[TrialRow], scales: Sequence[Scale], best: int, theme: Theme) -> Figure:
    """Return a line for each finished trial through its values; the darker, the lower its loss."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    done = sorted(
        (row for row in rows if row.state == "finished" and row.val_loss is not None),
        key=lambda row: -(row.val_loss or 0.0),
    )
    losses = [row.val_loss or 0.0 for row in done]
    low, high = (min(losses), _quantile(losses, 0.9)) if losses else (0.0, 1.0)
    columns = [*scales, Scale("validation loss", low, max(high, low + 1e-9))]
    figure = make_figure(max(8.0, 1.1 * len(columns)), 5.0, theme)
    axes = make_axes(figure, (1, 1, 1), theme)
    colours = LinearSegmentedColormap.from_list("moue", [theme.first, theme.grid])
    norm = Normalize(low, max(high, low + 1e-9))
    for row in done:
        chosen = row.number == best
        places = [scale.place(row.values.get(scale.name, row.val_loss)) for scale in columns]
        axes.plot(range(len(columns)), places, color=theme.second if chosen else colours(norm(row.val_loss or 0.0)),
                  linewidth=3 if chosen else 1.5, alpha=1.0 if chosen else 0.9, zorder=4 if chosen else 3)  # fmt: skip
    for place, scale in enumerate(columns):
        axes.axvline(place, color=theme.muted, linewidth=1, zorder=2)
        for height, text in scale.ticks():
            axes.text(place + 0.04, height, text, color=theme.ink, size=10.5, va="center", zorder=5,
                      bbox={"facecolor": theme.paper, "edgecolor": "none", "alpha": 0.75, "pad": 0.8})  # fmt: skip
    axes.set_xticks(
        range(len(columns)), [_short(scale.name).replace("_", "\n").replace(" ", "\n") for scale in columns]
    )
    axes.tick_params(axis="x", labelsize=10.5)
    axes.set_yticks([])
    axes.set_ylim(-0.04, 1.04)
    axes.set_xlim(-0.2, len(columns) - 0.4)
    axes.grid(visible=False)
    return figure


class Scale:
    """The positions of a choice's values on an axis from 0 to 1.

    Args:
        name: The choice.
        low: The lowest value.
        high: The highest value.
        log: Whether the axis is logarithmic.
        choices: The values, if it is not a range.
    """

    def __init__(
        self, name: str, low: float = 0.0, high: float = 1.0, *, log: bool = False, choices: Sequence[Any] = ()
    ) -> None:
        self.name = name
        self._low, self._high, self._log, self._choices = low, high, log, list(choices)

    def place(self, value: Any) -> float:  # noqa: ANN401 (a choice may be anything)
        """Return the position of a value."""
        if self._choices:
            return self._choices.index(value) / max(1, len(self._choices) - 1)
        if self._log:
            return math.log(value / self._low) / math.log(self._high / self._low)
        return min(1.0, float(value - self._low) / (self._high - self._low))

    def ticks(self) -> list[tuple[float, str]]:
        """Return positions and labels of the ticks."""
        if self._choices:
            shown = self._choices[: max(_SHOWN_LABELS, 2)]
            return [(self.place(choice), _words(choice)) for choice in shown]
        middle = math.sqrt(self._low * self._high) if self._log else (self._low + self._high) / 2
        return [(self.place(value), f"{value:.3g}") for value in (self._low, middle, self._high)]


def _words(value: Any) -> str:  # noqa: ANN401 (a choice may be anything)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _ring(axes: Axes, rows: Sequence[TrialRow], best: int, theme: Theme) -> None:
    for row in rows:
        if row.number == best and row.val_loss is not None:
            axes.plot([best], [row.val_loss], marker="o", markersize=13, color=theme.second, fillstyle="none",
                      markeredgewidth=2, linestyle="none", zorder=4)  # fmt: skip


def _clip(axes: Axes, rows: Sequence[TrialRow], factor: float = 1.0) -> None:
    """Keep a few huge losses from pressing all others together; marks beyond the edge are not drawn."""
    losses = [row.val_loss for row in rows if row.val_loss is not None]
    if not losses:
        return
    low, high = min(losses), factor * _quantile(losses, 0.75)
    room = max(0.25 * (high - low), 0.01 * low)
    axes.set_ylim(low - room, high + room)


def _quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(part * (len(ordered) - 1)))]
