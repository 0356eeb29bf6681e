"""What all figures share: colours, axes, legends, and the conversion to PNG.

The colours are those of Okabe & Ito 2008, "Color Universal Design", which colour-blind people can tell apart.
"""

from __future__ import annotations

import base64
import dataclasses
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from moue.errors import MissingExtraError
from moue.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from numpy.typing import NDArray

_DPI: Final = 160


@dataclasses.dataclass(frozen=True)
class Theme:
    """Colours of a figure, as hexadecimal RGB.

    Attributes:
        paper: Background.
        ink: Text.
        muted: Axis titles and guides.
        grid: Grid lines.
        first: First series and the full colour of the confusion matrix.
        second: Second series.
        third: Third series.
        invert_from: Share of `first` in a cell from which text in `paper` is easier to read than in `ink`.
    """

    paper: str
    ink: str
    muted: str
    grid: str
    first: str
    second: str
    third: str
    invert_from: float


LIGHT: Final = Theme("#ffffff", "#1c2024", "#5b646e", "#e3e6ea", "#0072b2", "#d55e00", "#009e73", 0.87)
DARK: Final = Theme("#1a1d21", "#eceff2", "#a3adb8", "#343a41", "#56b4e9", "#e69f00", "#2fc79a", 0.65)


def make_figure(width: float, height: float, theme: Theme) -> Figure:
    """Return an empty figure of `width` x `height` inches in the theme's colours."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "report") from error
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor=theme.paper)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12, wspace=0.04)
    return figure


def make_axes(figure: Figure, place: tuple[Any, ...], theme: Theme) -> Axes:
    """Add axes with a plain grid at `place`, as `Figure.add_subplot` takes it."""
    axes = figure.add_subplot(*place)
    axes.set_facecolor(theme.paper)
    axes.set_axisbelow(True)
    axes.grid(color=theme.grid, linewidth=1)
    axes.tick_params(colors=theme.ink, labelsize=11, length=0, pad=5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def make_legend(axes: Axes, theme: Theme, ncols: int) -> Legend:
    """Put a legend in `ncols` columns above the axes, and return it."""
    return axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2, borderpad=0, ncols=ncols, frameon=False,
        labelcolor=theme.ink, fontsize=11, handlelength=1.8, columnspacing=1.4,
    )  # fmt: skip


def percent_tick(value: float, _position: float) -> str:
    """Return the tick label of a fraction, in percent."""
    return f"{100 * value:.0f} %"


def save_figure(figure: Figure, path: str | Path, *, overwrite: bool = True) -> Path:
    """Write a `Figure` as PNG to `path`, atomically, and return the path.

    Raises:
        MoueError: the file exists and `overwrite` is false, or cannot be written.
    """
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(_png(figure))
    return Path(path)


def figure_uri(figure: Figure) -> str:
    """Return a `Figure` as ``data:image/png;base64,...`` for a self-contained page."""
    return _uri(_png(figure))


def face_uri(image: NDArray[np.uint8]) -> str:
    """Return a gray face, uint8 (H, W, 1), as ``data:image/png;base64,...``."""
    return image_uri(Image.fromarray(image[..., 0]))


def image_uri(image: Image.Image) -> str:
    """Return a Pillow image as ``data:image/png;base64,...``."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return _uri(buffer.getvalue())


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor=figure.get_facecolor())
    return buffer.getvalue()


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
