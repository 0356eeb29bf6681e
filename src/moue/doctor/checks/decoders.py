"""Which images and videos can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moue.doctor.findings import Finding, Level
from moue.errors import MissingExtraError
from moue.media.decode import readable_formats
from moue.media.opencv import load_opencv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.doctor.patient import Patient


def check(_patient: Patient) -> Iterator[Finding]:
    """Look for decoders."""
    formats = readable_formats()
    fix = "" if "HEIF" in formats else "; no HEIC (pip install pillow-heif)"
    avif = "" if "AVIF" in formats else "; this Pillow has no AVIF"
    yield Finding("images", Level.OK, ", ".join(formats) + fix + avif, values={"formats": list(formats)})
    yield _video()


def _video() -> Finding:
    try:
        cv2 = load_opencv()
    except MissingExtraError as error:
        return Finding("videos", Level.ABSENT, "OpenCV is not installed", error.fix)
    backends = [cv2.videoio_registry.getBackendName(number) for number in cv2.videoio_registry.getStreamBackends()]
    text = f"OpenCV {cv2.__version__} with {', '.join(backends)}"
    return Finding("videos", Level.OK, text, values={"opencv": cv2.__version__, "backends": backends})
