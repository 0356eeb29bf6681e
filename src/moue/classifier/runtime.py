"""ONNX Runtime: the one place that opens a network and counts processors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError

if TYPE_CHECKING:
    from pathlib import Path

    import onnxruntime

_MAX_CPUS: Final = 8  # small networks and single images gain nothing from more


def usable_cpus() -> int:
    """Return how many CPUs this process may use, 8 at most."""
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


def open_session(
    content: bytes, path: Path, *, threads: int, fix: str, many_sizes: bool = False
) -> onnxruntime.InferenceSession:
    """Open a network on the CPU.

    Args:
        content: The bytes of the ONNX file.
        path: Where they came from, for messages.
        threads: CPU threads of one prediction.
        fix: The advice in the message of an error.
        many_sizes: Whether the input changes its size all the time. Plans and memory that are kept for each size would
            then grow without end.

    Raises:
        MoueError: ONNX Runtime is missing or cannot load the network.
    """
    try:
        import onnxruntime as ort  # takes 0.1 s, and most commands do not need it
    except ImportError as error:
        raise MoueError(f"onnxruntime cannot be imported: {error}", fix="pip install onnxruntime") from error
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    options.enable_mem_pattern = not many_sizes
    options.enable_cpu_mem_arena = not many_sizes
    # Threads that wait for the next batch should sleep, not spin.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise MoueError(f"ONNX Runtime cannot load {path}: {error}", "a valid ONNX file", fix) from error
