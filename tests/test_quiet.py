"""Silencing standard error: by several threads at once, and where there is none."""

import os
import subprocess
import sys
import threading

import pytest

from moue.quiet import silenced_stderr


def test_what_libraries_write_is_kept_away(capfd):
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


# What happens to standard error, and what is printed then.
WITHOUT = [("sys.stderr = None", "fine\n"), ("os.close(2)", "fine\nclosed\n"), ("sys.stderr.close()", "fine\n")]


@pytest.mark.parametrize(("line", "said"), WITHOUT)
def test_without_a_standard_error_nothing_is_done(line, said):
    program = (
        "import os, sys; from moue.quiet import silenced_stderr\n"
        f"{line}\n"
        "with silenced_stderr(): print('fine')\n"
        "try: os.fstat(2)\n"
        "except OSError: print('closed')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, said), done.stderr
