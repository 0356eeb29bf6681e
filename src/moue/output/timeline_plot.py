"""The plot of a timeline: a face and a coloured strip of expressions for each person, with gaps during absence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from moue.drawing.colors import class_colors
from moue.errors import MissingExtraError, MoueError
from moue.files import replacing
from moue.recognition.timeline import minutes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from moue.recognition.timeline import Person, Timeline

_MAX_STRIPS: Final = 8
_CUT: Final = (0, (3, 2))  # dashes
_INK, _MUTED, _ABSENT = "#1c2024", "#5b646e", "#f1f3f5"
# Steps between ticks of the time axis, in seconds.
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MAX_TICKS: Final = 12
_LEFT, _RIGHT = 0.16, 0.835  # edges of the strips, as fractions of the figure's width
_MAX_SHARES: Final = 3  # written beside a strip


def plot_timeline(timeline: Timeline, path: str | Path, *, title: str = "", overwrite: bool = False) -> Path:
    """Write a PNG with the share of each expression over time, one strip per person; return its path.

    It shows at most eight people, those in the most frames.

    Args:
        timeline: The timeline of a video, after its last frame.
        path: The PNG.
        title: The title, such as the video's name.
        overwrite: Replace an existing file.

    Raises:
        MoueError: nobody was seen, or `path` exists and `overwrite` is false, or it cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    if not timeline.people():
        raise MoueError("nobody was seen in the video", "at least one face", "There is nothing to plot.")
    figure = _figure(timeline, title)
    with replacing(path, overwrite=overwrite) as temporary:
        figure.savefig(temporary, format="png", facecolor="white")
    return Path(path)


def _figure(timeline: Timeline, title: str) -> Figure:
    try:
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch
    except ImportError as error:
        raise MissingExtraError("matplotlib", "report") from error
    longest = sorted(timeline.people(), key=lambda person: -person.num_frames)[:_MAX_STRIPS]
    people = sorted(longest, key=lambda person: person.track_id)
    strip, top, bottom = (1.3 if len(people) == 1 else 0.85), 0.78, 0.52
    height = top + bottom + strip * len(people)
    figure = Figure(figsize=(11, height), dpi=130)
    space = {"left": _LEFT, "right": _RIGHT, "top": 1 - top / height, "bottom": bottom / height, "hspace": 0.22}
    all_axes = figure.subplots(len(people), 1, sharex=True, squeeze=False, gridspec_kw=space)[:, 0]
    for axes, person in zip(all_axes, people, strict=True):
        _strip(axes, timeline, person)
        _face(figure, axes, person)
        _shares(figure, axes, timeline, person)
    _time_axis(all_axes[-1], timeline)
    colors = _colors(timeline)
    shown = [*((name, colors[name]) for name in timeline.class_names), ("not seen", _ABSENT)]
    handles: list[Artist] = [
        Patch(facecolor=color, edgecolor=_MUTED, linewidth=0.4, label=name) for name, color in shown
    ]
    if timeline.cuts:
        handles.append(Line2D([], [], color=_INK, linewidth=1, linestyle=_CUT, label="cut"))
    place = {"loc": "upper left", "bbox_to_anchor": (0.018, 1 - 0.4 / height), "borderaxespad": 0}
    style = {"frameon": False, "fontsize": 9, "labelcolor": _INK, "columnspacing": 1.3, "handlelength": 1.1}
    figure.legend(handles=handles, ncols=len(handles), handletextpad=0.5, **place, **style)
    figure.text(_RIGHT + 0.015, 1 - 0.45 / height, "share of time", va="top", fontsize=9, color=_MUTED)
    # A file name may contain bytes that are not text, which Matplotlib refuses.
    title = title.encode("utf-8", "replace").decode("utf-8")
    figure.text(0.022, 1 - 0.13 / height, title, va="top", fontsize=12, fontweight="bold", color=_INK, parse_math=False)
    others = timeline.num_people - len(people)
    if others:
        text = f"{others:,} more {'person' if others == 1 else 'people'}, seen for a shorter time"
        figure.text(0.985, 1 - 0.15 / height, text, ha="right", va="top", fontsize=9, color=_MUTED)
    return figure


def _strip(axes: Axes, timeline: Timeline, person: Person) -> None:
    begin, colors = timeline.begin_s or 0.0, _colors(timeline)
    for first, shares in _stretches(timeline, person):
        edges = [begin + (first + number) * timeline.bin_s for number in range(len(shares) + 1)]
        # The last frame lasts as long as the others.
        if first + len(shares) > max(timeline.frames):
            edges[-1] = _end(timeline)
        low = [0.0] * len(edges)
        for number, name in enumerate(timeline.class_names):
            heights = [share[number] for share in shares]
            high = [a + b for a, b in zip(low, [*heights, heights[-1]], strict=True)]
            axes.fill_between(edges, low, high, step="post", color=colors[name], linewidth=0)
            low = high
    axes.set_facecolor(_ABSENT)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0", "", "100 %"], fontsize=7.5, color=_MUTED)
    axes.tick_params(length=2, color=_MUTED)
    axes.tick_params(axis="x", length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.margins(x=0)
    for time in timeline.cuts:
        axes.axvline(time, color=_INK, linewidth=1, linestyle=_CUT)


def _face(figure: Figure, axes: Axes, person: Person) -> None:
    """Draw the person's number and face to the left of the strip."""
    place = axes.get_position()
    middle = place.y0 + place.height / 2
    figure.text(0.052, middle, f"#{person.track_id}", fontsize=11, color=_INK, ha="right", va="center")
    if person.face is None:
        return
    width, height = figure.get_size_inches()
    side = min(place.height, 0.062 * width / height)
    left, below = 0.057, place.y0 + (place.height - side) / 2
    face_axes = figure.add_axes((left, below, side * height / width, side))
    face_axes.imshow(person.face, interpolation="lanczos")
    face_axes.set_axis_off()


def _shares(figure: Figure, axes: Axes, timeline: Timeline, person: Person) -> None:
    """Draw the shares of time to the right of the strip: a bar of all classes, and the largest ones as text."""
    place, colors, shares = axes.get_position(), _colors(timeline), person.shares()
    bar = figure.add_axes((_RIGHT + 0.015, place.y0 + 0.82 * place.height, 0.14, 0.18 * place.height))
    left = 0.0
    for name, share in zip(timeline.class_names, shares, strict=True):
        bar.barh(0, share, left=left, color=colors[name], height=1)
        left += share
    bar.set_xlim(0, 1)
    bar.set_ylim(-0.5, 0.5)
    bar.set_axis_off()
    order = sorted((number for number, share in enumerate(shares) if share), key=lambda number: -shares[number])
    for line, number in enumerate(order[:_MAX_SHARES]):
        y = place.y0 + place.height * (0.62 - 0.27 * line)
        color = _MUTED if line else _INK
        text = f"{timeline.class_names[number]} {shares[number]:.0%}"
        figure.text(_RIGHT + 0.015, y, text, fontsize=9 if line == 0 else 8, color=color, va="center")


def _stretches(timeline: Timeline, person: Person) -> Iterator[tuple[int, list[list[float]]]]:
    """Yield the first bin of each stretch in which the person is seen, and the shares of the classes in its bins.

    If frames are further apart than the bins of the timeline, the last shares hold until the next frame.
    """
    first, shares = 0, list[list[float]]()
    for place in range(min(person.bins), max(timeline.frames) + 1):
        sums = person.bins.get(place)
        if sums is not None:
            if not shares:
                first = place
            shares.append([value / sums[-1] for value in sums[:-1]])
        elif shares and place not in timeline.frames:
            shares.append(shares[-1])
        elif shares:
            yield first, shares
            shares = []
    if shares:
        yield first, shares


def _time_axis(axes: Axes, timeline: Timeline) -> None:
    begin, end = timeline.begin_s or 0.0, _end(timeline)
    step = next((step for step in _STEPS if (end - begin) / step <= _MAX_TICKS), None)
    step = step or _STEPS[-1] * max(1, round((end - begin) / _STEPS[-1] / _MAX_TICKS))
    first = -int(-begin // step) * step
    ticks = [first + number * step for number in range(int((end - first) / step) + 1)]
    axes.set_xlim(begin, end)
    axes.set_xticks(ticks, [minutes(tick) for tick in ticks], fontsize=8.5, color=_INK)
    unit = "h:min:s" if end >= 3600 else "min:s"
    axes.set_xlabel(f"time ({unit})", fontsize=9, color=_MUTED)


def _end(timeline: Timeline) -> float:
    """Return when the last frame ends, as if another one followed."""
    begin = timeline.begin_s or 0.0
    return timeline.end_s + max(0.04, (timeline.end_s - begin) / max(1, timeline.num_frames - 1))


def _colors(timeline: Timeline) -> dict[str, tuple[float, ...]]:
    colors = class_colors(tuple(timeline.class_names))
    return {name: tuple(part / 255 for part in color) for name, color in colors.items()}
