"""What the first bytes of a video file show: whether it stores its number of frames, and whether it is complete.

If a container does not store the number of frames, OpenCV estimates it from the duration. If the sound is longer than
the images, or the file is a segment of a longer recording, that estimate is far too high, so it is no evidence that
the file is cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_MP4_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT: Final = b"\x18\x53\x80\x67"
_HEAD: Final = 4096


def counts_frames(head: bytes) -> bool:
    """Return whether a container with these first bytes stores its number of frames; MP4, QuickTime and AVI do."""
    return head[4:8] in _MP4_BOXES or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")


def is_cut(path: Path) -> bool:
    """Return whether a Matroska or WebM file is shorter than it states; False if it states no length."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.startswith(_EBML):
        return False
    size, begin = _length(head, len(_EBML))
    begin += size
    if size < 0 or head[begin : begin + len(_SEGMENT)] != _SEGMENT:
        return False
    size, begin = _length(head, begin + len(_SEGMENT))
    return size >= 0 and begin + size > path.stat().st_size


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Return the EBML length (RFC 8794) at an offset, -1 if unknown, and the offset after it."""
    first = data[at] if at < len(data) else 0
    if not first:
        return -1, at
    count = 9 - first.bit_length()
    value = int.from_bytes(data[at : at + count], "big") & ((1 << 7 * count) - 1)
    return (-1 if value == (1 << 7 * count) - 1 else value), at + count
