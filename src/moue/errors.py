"""The error type for users' mistakes, and its three parts."""

from __future__ import annotations

from typing import ClassVar


class MoueError(ValueError):
    """The user's input is wrong; the message says what came, what was expected and how to fix it.

    The command line prints the message without a traceback and exits with `exit_code`.

    Args:
        came: What was found, with the file and row if that helps.
        expected: What should have been there instead.
        fix: What the user can do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, came: str, expected: str = "", fix: str = "") -> None:
        self.came = came
        self.expected = expected
        self.fix = fix
        parts = [came, f"expected {expected}" if expected else "", fix]
        super().__init__("\n".join(part for part in parts if part))


class SettingError(MoueError):
    """A setting, such as a command-line option, has an invalid name or value."""

    exit_code: ClassVar[int] = 2


class MissingExtraError(MoueError, ImportError):
    """An optional package is not installed.

    Args:
        package: The distribution that could not be imported.
        extra: The extra of moue that installs it, e.g. ``"train"``.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"{package} is not installed",
            f"the optional part '{extra}' of moue",
            f'Install it: pip install "moue[{extra}]"',
        )
