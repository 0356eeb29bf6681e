"""Silencing standard error: by several threads at once, and without one."""

import os
import subprocess
import sys
import threading

import pytest

from moue.quiet import silenced_stderr


def test_output_of_libraries_is_suppressed(capfd):
    with silenced_stderr(), silenced_stderr():
        os.write(2, b"from C++")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_threads_that_overlap_lose_nothing(capfd):
    entered, leave = threading.Event(), threading.Event()

    def first():
        with silenced_stderr():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(10)
    with silenced_stderr():
        leave.set()
        thread.join()
        os.write(2, b"the first one has left")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


# How standard error is removed, and the expected output.
WITHOUT = [("sys.stderr = None", "fine\n"), ("os.close(2)", "fine\nclosed\n"), ("sys.stderr.close()", "fine\n")]


@pytest.mark.parametrize(("line", "printed"), WITHOUT)
def test_without_a_standard_error_nothing_is_done(line, printed):
    program = (
        "import os, sys; from moue.quiet import silenced_stderr\n"
        f"{line}\n"
        "with silenced_stderr(): print('fine')\n"
        "try: os.fstat(2)\n"
        "except OSError: print('closed')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr
