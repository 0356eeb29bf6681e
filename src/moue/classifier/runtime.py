"""ONNX Runtime: opens networks, chooses the device and counts CPUs. Nothing else in moue does."""

from __future__ import annotations

import contextlib
import os
import warnings
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError, SettingError

if TYPE_CHECKING:
    from pathlib import Path

    import onnxruntime

CPU: Final = "cpu"
AUTO: Final = "auto"
PROVIDERS: Final = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
"""ONNX Runtime's provider for each device besides the CPU, in the order in which `auto` prefers them."""

_CPU_PROVIDER: Final = "CPUExecutionProvider"
_PACKAGES: Final = {"cuda": "onnxruntime-gpu", "coreml": "onnxruntime on macOS", "directml": "onnxruntime-directml"}
_MAX_CPUS: Final = 8  # small networks and single images do not get faster with more


def usable_cpus() -> int:
    """Return how many CPUs this process may use, at most 8."""
    # A container often grants fewer CPUs than the machine has.
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MAX_CPUS)


def read_network(path: Path, fix: str) -> bytes:
    """Return the bytes of an ONNX file.

    Raises:
        MoueError: the file cannot be read; `fix` is the advice in the message.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise MoueError(f"cannot read {path}: {error.strerror}", "an ONNX file", fix) from error


def find_device(device: str) -> tuple[str, str]:
    """Return the device that a network will run on, and a line that says why it differs from `device`, else "".

    Args:
        device: "cpu", "cuda", "coreml" or "directml"; or "auto" for the best one that ONNX Runtime offers.

    Raises:
        MoueError: there is no such device, or ONNX Runtime is missing.
    """
    if device not in (CPU, AUTO, *PROVIDERS):
        raise SettingError(f"the device is {device!r:.80}", f"one of {', '.join((AUTO, CPU, *PROVIDERS))}")
    if device == CPU:
        return CPU, ""
    offered = _import_runtime().get_available_providers()
    if device == AUTO:
        return next((name for name, provider in PROVIDERS.items() if provider in offered), CPU), ""
    if PROVIDERS[device] in offered:
        return device, ""
    return CPU, f"this ONNX Runtime has no {device} (it comes with {_PACKAGES[device]}); the CPU is used"


def open_session(
    content: bytes, path: Path, *, threads: int, fix: str, many_sizes: bool = False, device: str = CPU
) -> onnxruntime.InferenceSession:
    """Open a network; falls back to the CPU with a warning if the device is missing or does not work.

    Args:
        content: The bytes of the ONNX file.
        path: Where they came from, for messages.
        threads: CPU threads per prediction.
        fix: The advice in the message of an error.
        many_sizes: Whether the input size keeps changing. Then no memory plans are cached per size, since they would
            grow without limit.
        device: As for `find_device`.

    Raises:
        MoueError: there is no such device, or ONNX Runtime is missing or cannot load the network.
    """
    ort = _import_runtime()
    found, warning = find_device(device)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    options.enable_mem_pattern = not many_sizes and found != "directml"  # DirectML does not support it
    options.enable_cpu_mem_arena = not many_sizes
    # Threads that wait for the next batch should sleep, not spin.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = None
    if found != CPU:
        # A provider may be listed although its libraries or the graphics card are missing.
        with contextlib.suppress(Exception):
            session = ort.InferenceSession(
                content, options, providers=[PROVIDERS[found], _CPU_PROVIDER], enable_fallback=0
            )
        if session is None or PROVIDERS[found] not in session.get_providers():
            warning = f"{found} does not work on this machine; the CPU is used"
    if warning:
        warnings.warn(warning, RuntimeWarning, stacklevel=2)
    if session is not None:
        return session
    try:
        return ort.InferenceSession(content, options, providers=[_CPU_PROVIDER])
    except Exception as error:
        raise MoueError(f"ONNX Runtime cannot load {path}: {error}", "a valid ONNX file", fix) from error


def _import_runtime() -> Any:  # noqa: ANN401 (ONNX Runtime has no types)
    try:
        import onnxruntime as ort  # takes 0.1 s; most commands do not need it
    except ImportError as error:
        raise MoueError(f"onnxruntime cannot be imported: {error}", fix="pip install onnxruntime") from error
    return ort
