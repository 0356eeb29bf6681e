"""Versions, what ONNX Runtime can run on, and wheels that overwrite each other."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import TYPE_CHECKING, Final

from moue.classifier.runtime import usable_cpus
from moue.doctor.findings import Finding, Level
from moue.faces.registry import detectors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.doctor.patient import Patient

_NEEDED: Final = ("numpy", "onnxruntime", "pillow")
# The wheels of a group install different files under the same names.
_RIVALS: Final = {
    "OpenCV": (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ),
    "ONNX Runtime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
}
_EXTRAS: Final = {"train": "keras", "report": "jinja2", "pandas": "pandas", "serve": "fastapi", "tune": "optuna"}


def check(_patient: Patient) -> Iterator[Finding]:
    """Check the installed packages."""
    installed = _installed()
    needed: dict[str, str] = {name: installed[name] for name in _NEEDED if name in installed}
    about = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    versions = ", ".join(f"{name} {version}" for name, version in needed.items())
    yield Finding("python", Level.OK, f"moue {importlib.metadata.version('moue')}, {about}")
    yield Finding("packages", Level.OK, versions, values=needed)
    yield from _rivals(installed)
    yield _runtime()
    yield _detectors()
    absent = [name for name, package in _EXTRAS.items() if package not in installed]
    if absent:
        yield Finding("extras", Level.ABSENT, ", ".join(absent), values={"absent": absent})


def _installed() -> dict[str, str]:
    """Return the version of each installed distribution by its name in lower case."""
    packages = importlib.metadata.distributions()
    return {str(package.name).lower().replace("_", "-"): package.version for package in packages if package.name}


def _rivals(installed: dict[str, str]) -> Iterator[Finding]:
    for what, names in _RIVALS.items():
        both = [name for name in names if name in installed]
        if len(both) > 1:
            keep = next((name for name in ("opencv-python-headless", "onnxruntime-gpu") if name in both), both[0])
            yield Finding(
                "packages",
                Level.PROBLEM,
                f"{' and '.join(both)} are both installed: they write to the same files",
                f"pip uninstall -y {' '.join(both)}; pip install {keep}",
                {what: both},
            )


def _runtime() -> Finding:
    try:
        import onnxruntime as ort
    except ImportError as error:
        return Finding("runtime", Level.PROBLEM, f"onnxruntime cannot be imported: {error}", "pip install onnxruntime")
    providers = ort.get_available_providers()
    names = ", ".join(provider.removesuffix("ExecutionProvider") for provider in providers)
    cpus = usable_cpus()
    text = f"ONNX Runtime offers {names}; moue uses {cpus} CPU{'s' if cpus > 1 else ''}"
    return Finding("runtime", Level.OK, text, values={"providers": providers, "cpus": cpus})


def _detectors() -> Finding:
    kinds = [kind for kind in detectors().values() if kind.preference is not None]
    here = [kind.name for kind in kinds if kind.available()]
    absent = [kind.name for kind in kinds if not kind.available()]
    text = ", ".join(here) + "".join(f"; {name} is missing (moue download {name})" for name in absent)
    return Finding("detectors", Level.OK, text, values={"available": here, "absent": absent})
