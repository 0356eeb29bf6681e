"""Runs moue's commands from a script, as a user would type them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError
from moue.files import read_json
from moue.training.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

STOPPED: Final = 130  # exit code after Ctrl-C


def moue(*arguments: str | Path, env: Mapping[str, str] | None = None) -> None:
    """Print and run a moue command; `env` adds to the environment.

    Raises:
        subprocess.CalledProcessError: it failed, or Ctrl-C stopped it.
    """
    words = [str(argument) for argument in arguments]
    shown = [*(f"{name}={value}" for name, value in (env or {}).items()), "moue", shlex.join(words)]
    print(f"\n$ {' '.join(shown)}", flush=True)
    # Not the console script, which may not be on the PATH.
    command = [sys.executable, "-c", "from moue.cli import main; main()", *words]
    with subprocess.Popen(command, env={**os.environ, **(env or {})}) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            code = process.wait()  # Ctrl-C reached it too: training saves its state and prints how to resume
    if code:
        raise subprocess.CalledProcessError(code, command)


def train_or_resume(out: Path, *arguments: str | Path) -> RunFolder:
    """Run `moue ARGUMENTS --out OUT` unless that run is finished; resume an interrupted run.

    Raises:
        subprocess.CalledProcessError: the training failed or was stopped.
        MoueError: the finished run was made by another command.
    """
    run = RunFolder(out)
    words = (*map(str, arguments), "--out", str(out))
    if not run.last.exists():
        moue(*words, *(["--resume"] if run.config.exists() else []))
    recorded, expected = read_json(run.environment).get("command", ""), shlex.join(["moue", *words])
    if recorded != expected:
        raise MoueError(f"{out} was made by: {recorded}", expected, "Name another folder, or move that run away.")
    return run


def run_script(main: Callable[[], None]) -> None:
    """Call a script's `main`; turn an error into a message and an exit code."""
    try:
        main()
    except MoueError as error:
        sys.exit(f"error: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
