"""Detectors by name, found by looking into the folder `moue.faces.detectors`."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moue.faces.face import Detector

AUTO: Final = "auto"
_PACKAGE: Final = "moue.faces.detectors"
_NO_OPTIONS: Final[Mapping[str, Any]] = {}


@dataclasses.dataclass(frozen=True)
class DetectorKind:
    """A detector that can be chosen by name.

    Attributes:
        name: Its name, which the detectors that it makes have too.
        make: Makes one; its keyword arguments are the detector's options.
        preference: ``"auto"`` takes the available detector with the highest; None if it is never taken unasked.
        available: Whether what it needs, such as a file, is there.
        for_video: Options that suit frames, which come many a second.
    """

    name: str
    make: Callable[..., Detector]
    preference: int | None = None
    available: Callable[[], bool] = lambda: True
    for_video: Mapping[str, Any] = dataclasses.field(default_factory=lambda: _NO_OPTIONS)

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the detector's options."""
        return tuple(inspect.signature(self.make).parameters)


@functools.cache
def detectors() -> dict[str, DetectorKind]:
    """Return all detectors by name.

    Raises:
        MoueError: a file holds a detector of another name.
    """
    found: dict[str, DetectorKind] = {}
    for module in pkgutil.iter_modules(importlib.import_module(_PACKAGE).__path__):
        kind = getattr(importlib.import_module(f"{_PACKAGE}.{module.name}"), "DETECTOR", None)
        if kind is None:
            continue
        if kind.name != module.name:  # the command line lists files
            raise MoueError(f"the detector {kind.name!r} is in {module.name}.py", "a file of its name")
        found[kind.name] = kind
    return found


def detector_names() -> tuple[str, ...]:
    """Return the names that `make_detector` knows, ``auto`` first."""
    return (AUTO, *sorted(detectors()))


def make_detector(name: str = AUTO, *, video: bool = False, **options: Any) -> Detector:  # noqa: ANN401 (their own types)
    """Make a detector.

    Args:
        name: ``"own"`` (in the package), ``"yunet"`` (once downloaded), ``"none"`` (the
            image is the face), or ``"auto"``: `yunet` if it is there, otherwise `own`. The detector's `name` says which
            one it is.
        video: Use it on frames: it looks at them upright only.
        options: The detector's own, see its file in `moue.faces.detectors`; None leaves one at its default.

    Raises:
        MoueError: the name or an option is unknown, or the detector's file or package is missing.
    """
    options = {key: value for key, value in options.items() if value is not None}
    kind = _best(options) if name == AUTO else detectors().get(name)
    if kind is None:
        raise SettingError(f"unknown detector {name!r}", f"one of {', '.join(detector_names())}")
    for option in options:
        if option not in kind.options:
            known = ", ".join(kind.options) or "no options"
            raise MoueError(f"the detector {kind.name} has no option {option!r}", known)
    return kind.make(**{**(kind.for_video if video else {}), **options})


def _best(options: Mapping[str, Any]) -> DetectorKind:
    ranked = [kind for kind in detectors().values() if kind.preference is not None]
    ranked.sort(key=lambda kind: -(kind.preference or 0))
    # An option that only one of them has, such as a file, chooses that one, or tells why it cannot be made.
    able = [kind for kind in ranked if set(options) <= set(kind.options)] or ranked
    return next((kind for kind in able if kind.available()), able[0])
