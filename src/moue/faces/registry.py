"""Detectors by name; each module in the folder `moue.faces.detectors` defines one."""

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
        name: Its name, which is also the name of the detectors that it makes.
        make: Makes a detector; its keyword arguments are the detector's options.
        preference: ``"auto"`` picks the available detector with the highest preference; None excludes it from
            ``"auto"``.
        available: Returns whether everything it needs, such as a file, is there.
        for_video: Options for video frames, for which speed matters.
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
        MoueError: a file defines a detector with another name.
    """
    kinds: dict[str, DetectorKind] = {}
    for module in pkgutil.iter_modules(importlib.import_module(_PACKAGE).__path__):
        kind = getattr(importlib.import_module(f"{_PACKAGE}.{module.name}"), "DETECTOR", None)
        if kind is None:
            continue
        if kind.name != module.name:  # the command line lists files
            raise MoueError(f"the detector {kind.name!r} is in {module.name}.py", "a file of its name")
        kinds[kind.name] = kind
    return kinds


def detector_names() -> tuple[str, ...]:
    """Return the names that `make_detector` knows, ``auto`` first."""
    return (AUTO, *sorted(detectors()))


def make_detector(name: str = AUTO, *, video: bool = False, **options: Any) -> Detector:  # noqa: ANN401 (their own types)
    """Make a detector.

    Args:
        name: ``"own"`` (in the package), ``"yunet"`` (once downloaded), ``"none"`` (the whole image is the face), or
            ``"auto"``: `yunet` if it is available, otherwise `own`. The detector's `name` shows which one was chosen.
        video: Use it on frames: it does not try rotated frames.
        options: The detector's own options, see its file in `moue.faces.detectors`; None means the default.

    Raises:
        MoueError: the name or an option is unknown, or the detector's file or package is missing.
    """
    options = {key: value for key, value in options.items() if value is not None}
    kind = _choose(options) if name == AUTO else detectors().get(name)
    if kind is None:
        raise SettingError(f"unknown detector {name!r}", f"one of {', '.join(detector_names())}")
    for option in options:
        if option not in kind.options:
            known = ", ".join(kind.options) or "no options"
            raise MoueError(f"the detector {kind.name} has no option {option!r}", known)
    return kind.make(**{**(kind.for_video if video else {}), **options})


def _choose(options: Mapping[str, Any]) -> DetectorKind:
    ranked = [kind for kind in detectors().values() if kind.preference is not None]
    ranked.sort(key=lambda kind: -(kind.preference or 0))
    # An option that only one detector has, such as a file, selects it, or raises if it cannot be made.
    able = [kind for kind in ranked if set(options) <= set(kind.options)] or ranked
    return next((kind for kind in able if kind.available()), able[0])
