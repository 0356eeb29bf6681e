"""Loading Keras, the one way in which moue does it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

from moue.errors import MissingExtraError
from moue.quiet import silenced_stderr


def import_keras() -> Any:  # noqa: ANN401 (a module)
    """Import Keras with the settings that make TensorFlow fast and quiet on a CPU; set ones are left as they are.

    TensorFlow switches its oneDNN kernels on by itself only on some processors; without them `seed_cnn` took 1.7 times
    the CPU time to train on an AMD EPYC (`benchmarks/train_throughput.py`).

    Raises:
        MissingExtraError: Keras or its backend is not installed.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    quiet = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3"
    try:
        with silenced_stderr() if quiet else contextlib.nullcontext():
            import keras

            # The first tensor makes TensorFlow look for a GPU and say that there is none.
            keras.ops.zeros(1)
    except ImportError as error:
        raise MissingExtraError(error.name or "keras", "train") from error
    return keras
