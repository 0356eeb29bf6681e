"""The command line: parse, call one library function, print its result, turn errors into exit codes."""

from moue.cli.app import main

__all__ = ["main"]
