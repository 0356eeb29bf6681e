"""Kills commands at random moments and runs them again: no result may be lost, duplicated or silently different.

    python benchmarks/kills.py [--num 72] [--seed 0] [--only train]

Each command is killed by SIGINT, SIGTERM or SIGKILL, sometimes several times, and then run to its end. The result must
equal that of an undisturbed run, no unfinished file may have the final name, and no command may print a traceback. If
two processes want the same output, the second must be refused with an error that names the first, and must succeed once
the first has died. Prints wrong outcomes by command and signal, and exits with 1 if there are any.
"""

from __future__ import annotations

import argparse
import dataclasses
import http.server
import itertools
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kill_jobs import MOUE, Job, environment, equal, make_inputs, make_jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
# Python itself may end a command by the signal that stopped it; a shell shows 130 for both.
_ENDED: Final = {signal.SIGINT: (130, -2), signal.SIGTERM: (-15, 143), signal.SIGKILL: (-9,)}
_PAYLOAD: Final = random.Random(0).randbytes(1 << 20)  # noqa: S311 (no secret)
_MAX_S: Final = 180
_DRIP_S: Final = 0.02  # the download takes 16 such pauses


class Server(http.server.BaseHTTPRequestHandler):
    """Sends the payload slowly, so that a kill hits a running download."""

    def do_GET(self) -> None:
        """Send the payload."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(_PAYLOAD)))
        self.end_headers()
        try:
            for start in range(0, len(_PAYLOAD), 1 << 16):
                self.wfile.write(_PAYLOAD[start : start + (1 << 16)])
                time.sleep(_DRIP_S)
        except OSError:
            self.close_connection = True  # the reader was killed

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Process:
    """A command that runs in a folder; its standard error is kept."""

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the object)
        self._running = subprocess.Popen(
            arguments, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=self._log
        )
        self.number = self._running.pid

    @property
    def alive(self) -> bool:
        """Whether it is still running."""
        return self._running.poll() is None

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; return whether the process was still alive."""
        alive = self.alive
        self._running.send_signal(number)
        return alive

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and standard error."""
        try:
            code = self._running.wait(_MAX_S)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()
            code = 124
        self._log.seek(0)
        return code, self._log.read().decode("utf-8", "replace")


@dataclasses.dataclass
class Judge:
    """Counts kills and wrong outcomes by job and signal."""

    kills: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)
    wrong: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)

    def fault(self, row: tuple[str, str], what: str) -> None:
        """Record and print a wrong outcome."""
        self.wrong[row] += 1
        print(f"wrong: {row[0]}, {row[1]}: {what}"[:2000], flush=True)

    def table(self) -> str:
        """Return the counts as lines."""
        rows = [("job", "signal", "kills", "wrong outcomes")]
        rows += [(job, name, str(self.kills[job, name]), str(self.wrong[job, name])) for job, name in self.kills]
        rows.append(("all", "", str(self.kills.total()), str(self.wrong.total())))
        return "\n".join(f"{job:<34}{name:<9}{kills:>7}{wrong:>16}" for job, name, kills, wrong in rows)


class Trial:
    """One job: an undisturbed run first, then kills."""

    def __init__(self, job: Job, folder: Path, judge: Judge, rng: random.Random) -> None:
        self.job, self._folder, self._judge, self._rng = job, folder, judge, rng
        self._number = 0
        for _ in range(2):  # the first run only warms the system's caches
            home, began = self._new_folder(), time.monotonic()
            code, stderr = Process(job.arguments, home).end()
            self.seconds = time.monotonic() - began
        if code not in (0, 1):
            raise SystemExit(f"{job.name} failed undisturbed: {stderr}")
        self._code, self._expected = code, job.results(home)

    def interrupt(self, number: signal.Signals, times: int) -> int:
        """Kill the job up to `times` times, run it to its end, and compare; return the number of kills."""
        row, home, killed = (self.job.name, number.name), self._new_folder(), 0
        for attempt in range(times):
            process = Process(self._arguments(again=attempt > 0), home)
            time.sleep(self._rng.uniform(0.05, 1.0) * self.seconds)
            killed += self._kill(process, number, home, row)
        self._finish(home, row)
        return killed

    def compete(self, number: signal.Signals, *, halted: bool) -> int:
        """Start a second process with the same output, kill the first, and run the job to its end.

        Args:
            number: The signal that kills the first.
            halted: Whether to halt the first until the second has ended, which guarantees that it holds the output.

        Returns:
            Whether the first was killed, as 0 or 1.
        """
        row, home = (f"two of {self.job.name}", number.name), self._new_folder()
        first = Process(self.job.arguments, home)
        while first.alive and not _owner(home / self.job.lock):
            time.sleep(0.001)
        if halted:
            first.send(signal.SIGSTOP)
        second = Process(self._arguments(again=True), home)
        if halted:
            code, stderr = second.end()
            if code != 1 or f"(id {first.number})" not in stderr:
                self._judge.fault(row, f"the second ended with {code}: {stderr}")
            first.send(signal.SIGCONT)
        else:
            time.sleep(self._rng.uniform(0, 0.8) * self.seconds)
        killed = self._kill(first, number, home, row, complete=False)
        if not halted:
            code, stderr = second.end()
            if "Traceback" in stderr or not (code == 0 or (code == 1 and "error:" in stderr)):
                self._judge.fault(row, f"the second ended with {code}: {stderr}")
        self._finish(home, row)
        return killed

    def _kill(
        self, process: Process, number: signal.Signals, home: Path, row: tuple[str, str], *, complete: bool = True
    ) -> bool:
        killed = process.send(number)
        code, stderr = process.end()
        self._judge.kills[row] += killed
        # A command that was about to end may do so.
        if code not in (*_ENDED[number], self._code) and killed:
            self._judge.fault(row, f"ended with {code}: {stderr}")
        elif "Traceback" in stderr:
            self._judge.fault(row, stderr)
        for name in self.job.final if complete else ():
            if (home / name).exists() and not equal(self.job.results(home)[name], self._expected[name]):
                self._judge.fault(row, f"{name} is unfinished")
        return killed

    def _finish(self, home: Path, row: tuple[str, str]) -> None:
        code, stderr = Process(self._arguments(again=True), home).end()
        if self.job.resume and "Leave out --resume" in stderr:
            code, stderr = Process(self.job.arguments, home).end()
        # A table that was complete before the kill stays; predict refuses to replace it.
        if code != self._code and "already exists" not in stderr:
            self._judge.fault(row, f"run again, it ended with {code}: {stderr}")
            return
        actual = self.job.results(home)
        for name in sorted({*actual, *self._expected}):
            if not equal(actual.get(name), self._expected.get(name)):
                both = f"{str(actual.get(name))[:300]}, undisturbed {str(self._expected.get(name))[:300]}"
                self._judge.fault(row, f"{name} differs: {both}")
        shutil.rmtree(home)

    def _arguments(self, *, again: bool) -> tuple[str, ...]:
        return (*self.job.arguments, *(self.job.resume if again else ()))

    def _new_folder(self) -> Path:
        self._number += 1
        home = self._folder / f"{self.job.name}-{self._number}"
        home.mkdir()
        self.job.prepare(home)
        return home


def _owner(lock: Path) -> str:
    try:
        return lock.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _make_run(inputs: Path) -> None:
    """Train and evaluate the run that the report and evaluate jobs use."""
    words = (*MOUE, "train", "small.csv", "--out", "run", "--epochs", "1")
    for arguments in (words, (*MOUE, "evaluate", "run", "small.csv")):
        code, stderr = Process(arguments, inputs).end()
        if code:
            raise SystemExit(stderr)


def _run_trial(trial: Trial, num_kills: int, rng: random.Random) -> None:
    killed = 0
    signals = itertools.cycle(SIGNALS)
    while killed < num_kills:
        number = next(signals)
        if trial.job.lock and rng.random() < 0.3:
            trial.compete(number, halted=rng.random() < 0.5)
            killed += 1
        else:
            killed += trial.interrupt(number, min(rng.randint(1, 3), num_kills - killed))


def main() -> int:
    """Kill every job and print the table; return 1 if there were wrong outcomes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=81, help="kills, over all commands")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="commands whose name contains this")
    options = parser.parse_args()
    # If this was started in the background, its children would ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    judge, began = Judge(), time.monotonic()
    with tempfile.TemporaryDirectory() as name, http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        inputs = Path(name) / "inputs"
        inputs.mkdir()
        make_inputs(inputs)
        _make_run(inputs)
        jobs = make_jobs(inputs, f"http://127.0.0.1:{server.server_port}/model", _PAYLOAD)
        total = sum(job.share for job in jobs)
        for job in jobs:
            if options.only in job.name:
                rng = random.Random(f"{options.seed}-{job.name}")  # noqa: S311 (no secret)
                trial = Trial(job, Path(name), judge, rng)
                print(f"{job.name}: {trial.seconds:.1f} s undisturbed", flush=True)
                _run_trial(trial, max(1, round(options.num * job.share / total)), rng)
        server.shutdown()
    print(judge.table())
    print(f"{time.monotonic() - began:.0f} s")
    return int(judge.wrong.total() > 0)


if __name__ == "__main__":
    sys.exit(main())
