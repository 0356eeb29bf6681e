"""Running moue's commands from a script, as a user would type them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from moue.training.run import RunFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def moue(*arguments: str | Path, env: Mapping[str, str] | None = None) -> None:
    """Print and run a moue command; `env` adds to the environment.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    words = [str(argument) for argument in arguments]
    print(
        f"\n$ {' '.join(f'{name}={value} ' for name, value in (env or {}).items())}moue {shlex.join(words)}", flush=True
    )
    # Not the console script: it need not be on the PATH.
    command = [sys.executable, "-c", "from moue.cli import main; main()", *words]
    subprocess.run(command, check=True, env={**os.environ, **(env or {})})


def train_or_resume(out: Path, *arguments: str | Path) -> RunFolder:
    """Make a run by `moue ARGUMENTS --out OUT` unless it has ended; go on with one that was cut.

    Raises:
        subprocess.CalledProcessError: the training failed or was stopped.
    """
    run = RunFolder(out)
    if not run.last.exists():
        moue(*arguments, "--out", out, *(["--resume"] if run.config.exists() else []))
    return run
