"""Shows an image with its result in a notebook, or in the system's image viewer."""

from __future__ import annotations

import base64
import html
import io
import sys
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

_MAX_SIDE: Final = 640  # pixels; a notebook stores every image that it has shown


def png_of(image: Image.Image) -> bytes:
    """Return an image as the bytes of a PNG file, reduced if it is large."""
    small = image.copy()
    small.thumbnail((_MAX_SIDE, _MAX_SIDE))
    content = io.BytesIO()
    small.save(content, "PNG")
    return content.getvalue()


def html_of(
    title: str, image: Image.Image | None, header: Sequence[str], rows: Sequence[Sequence[str | float | None]]
) -> str:
    """Return a figure and a table as HTML; text is escaped.

    Args:
        title: Caption under the image.
        image: Shown above the table, or None.
        header: Names of the table's columns.
        rows: Text, or probabilities, 0-1, which become percentages; None leaves a cell empty.
    """
    parts = ["<figure>"]
    if image is not None:
        source = base64.b64encode(png_of(image)).decode()
        parts.append(f'<img alt="{html.escape(title, quote=True)}" src="data:image/png;base64,{source}">')
    parts.append(f"<figcaption>{html.escape(title)}</figcaption></figure>")
    if rows:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
        body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    return "".join(parts)


def show_image(image: Image.Image) -> None:
    """Show an image in the current notebook, or else in the system's image viewer.

    Raises:
        MoueError: there is no viewer.
    """
    from PIL import ImageShow  # noqa: PLC0415 (it imports IPython if that is installed, which is slow)

    shell = sys.modules.get("IPython")
    if shell is not None and getattr(shell.get_ipython(), "kernel", None) is not None:
        shell.display.display(image)
    elif not ImageShow.show(image):
        raise MoueError("no program that shows images was found", fix='Write a file instead: result.save("result.png")')


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    return html.escape(value) if isinstance(value, str) else f"{value:.0%}"
