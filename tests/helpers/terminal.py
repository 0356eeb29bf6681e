"""A command in a terminal of 80 columns (not on Windows)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from threading import Thread

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Runs a command with a terminal as its standard input, output and error."""

    def __init__(self, command, **options):
        self._controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, **options)
        os.close(terminal)
        self._received = b""
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self, seconds):
        """Return the exit code, and everything that a line showed at some time, without colors, in order."""
        code = self.process.wait(seconds)
        self._reader.join(10)
        text = _CODES.sub("", self._received.decode())
        return code, [line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip()]

    def _read(self):
        with contextlib.suppress(OSError):  # how Linux reports the end of a terminal
            while piece := os.read(self._controller, 65536):
                self._received += piece
        os.close(self._controller)
