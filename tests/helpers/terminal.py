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
    """Runs a command with a terminal as its input, output and error."""

    def __init__(self, command, **options):
        self._here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(command, stdin=there, stdout=there, stderr=there, **options)
        os.close(there)
        self._came = b""
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self, seconds):
        """Return the exit code, and all that stood in a line at some time, without colours, in order."""
        code = self.process.wait(seconds)
        self._reader.join(10)
        text = _CODES.sub("", self._came.decode())
        return code, [line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip()]

    def _read(self):
        with contextlib.suppress(OSError):  # so the end of a terminal looks on Linux
            while piece := os.read(self._here, 65536):
                self._came += piece
        os.close(self._here)
