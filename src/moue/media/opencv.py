"""OpenCV, which reads and writes videos, without the output that it and FFmpeg print."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from moue.errors import MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path


def load_opencv() -> Any:  # noqa: ANN401 (cv2 has no types)
    """Return the module cv2.

    Unless the user has set another log level, FFmpeg prints no line for each damaged frame; it reads the level when the
    first video is opened.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError("cv2", "video") from error
    return cv2


def name_for_opencv(path: Path) -> str | bytes:
    """Return a path in a form that OpenCV can open.

    Linux allows names that are not valid text. OpenCV does not check whether it can encode such a str and crashes with
    a segmentation fault, but it accepts the bytes.
    """
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text
