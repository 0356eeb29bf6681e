"""Keras as all of `moue.training` imports it: ``from moue.training.backend import keras``."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from moue.errors import MissingExtraError
from moue.quiet import silenced_stderr

__all__ = ["import_keras", "keras"]


def import_keras() -> Any:  # noqa: ANN401 (a module)
    """Import Keras with settings that make TensorFlow fast and quiet on a CPU; the user's own settings win.

    TensorFlow enables its oneDNN kernels only on some processors. Without them `seed_cnn` took 1.7 times the CPU
    time to train on an AMD EPYC (`benchmarks/train_throughput.py`).

    Raises:
        MissingExtraError: Keras or its backend is not installed.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    quiet = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3"
    try:
        with silenced_stderr() if quiet else contextlib.nullcontext():
            import keras as loaded

            # Creating the first tensor makes TensorFlow look for a GPU and report that there is none.
            loaded.ops.zeros(1)
        if quiet:
            # Each trial of a search retraces its training step, and TensorFlow would warn about that.
            logging.getLogger("tensorflow").setLevel(logging.ERROR)
    except ImportError as error:
        raise MissingExtraError(error.name or "keras", "jax" if error.name == "jax" else "train") from error
    return loaded


class _LazyKeras:
    """Stand-in for the module `keras`, which is imported when one of its names is first used.

    So `moue models` can list the model files without the seconds that importing Keras takes.
    """

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (any name of Keras)
        return getattr(import_keras(), name)


if TYPE_CHECKING:
    import keras
else:
    keras = _LazyKeras()
