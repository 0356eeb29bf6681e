"""Loading Keras, the one way in which moue does it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

from moue.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator


def import_keras() -> Any:  # noqa: ANN401 (a module)
    """Import Keras with the settings that make TensorFlow fast and quiet on a CPU; set ones are left as they are.

    TensorFlow switches its oneDNN kernels on by itself only on some Intel processors; without them the convolutions
    of `seed_cnn` train at half the speed on an AMD EPYC (`benchmarks/train_throughput.py`).

    Raises:
        MissingExtraError: Keras or its backend is not installed.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    quiet = "TF_CPP_MIN_LOG_LEVEL" not in os.environ
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with _silenced_stderr() if quiet else contextlib.nullcontext():
            import keras

            # The first tensor makes TensorFlow look for a GPU and say that there is none.
            keras.ops.zeros(1)
    except ImportError as error:
        raise MissingExtraError(error.name or "keras", "train") from error
    return keras


@contextlib.contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Send file descriptor 2 to nowhere: TensorFlow logs from C++ before its log level counts."""
    sys.stderr.flush()
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)
