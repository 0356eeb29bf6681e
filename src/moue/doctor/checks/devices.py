"""A display for the live window, and cameras."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from moue.doctor.findings import Finding, Level
from moue.errors import MissingExtraError, MoueError
from moue.media.camera import open_camera

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.doctor.patient import Patient

_MAX_CAMERAS = 3  # enough to find one that works


def check(_patient: Patient) -> Iterator[Finding]:
    """Look for a display and open the cameras."""
    yield _display()
    yield from _cameras()


def _display() -> Finding:
    if importlib.util.find_spec("tkinter") is None:
        return Finding("display", Level.ABSENT, "this Python has no Tk, which moue webcam needs for its window")
    needs_server = sys.platform.startswith("linux")
    name = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") if needs_server else sys.platform
    if not name:
        return Finding("display", Level.ABSENT, "none (DISPLAY is not set): moue webcam can only print and record")
    return Finding("display", Level.OK, f"{name}, Tk is installed")


def _cameras(devices: Path = Path("/dev")) -> Iterator[Finding]:
    numbers = _numbers(devices) if sys.platform.startswith("linux") else [0]
    if not numbers:
        yield Finding("cameras", Level.ABSENT, "none")
        return
    opened, refused = [], []
    for number in numbers[:_MAX_CAMERAS]:
        try:
            open_camera(str(number)).close()
            opened.append(number)
        except MissingExtraError as error:
            yield Finding("cameras", Level.ABSENT, f"{len(numbers)} found, but OpenCV is not installed", error.fix)
            return
        except MoueError as error:
            refused.append(error)
    values = {"opened": opened}
    if opened:
        yield Finding("cameras", Level.OK, f"{', '.join(map(str, opened))} can be opened", values=values)
    else:
        yield Finding("cameras", Level.NOTE, refused[0].came, refused[0].fix, values)


def _numbers(devices: Path) -> list[int]:
    names = (path.name.removeprefix("video") for path in devices.glob("video[0-9]*"))
    return sorted(int(name) for name in names if name.isdigit())
