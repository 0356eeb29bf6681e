"""Faces a second, delays and memory of the server under load, measured with wrk (Debian: apt install wrk).

Run: python benchmarks/serve.py [SECONDS] [OPTION...]    (10 s each by default; options go to moue serve)

It starts `moue serve` on a free port. The CPU time of the server is given too, because it depends less on what else the
machine does. wrk is another process on the same machine and takes its share of the CPUs. The
photo is matplotlib's sample, 512 x 600 pixels with one face; the face crop is 48 x 48.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = (1, 8, 32)
MEMORY_REQUESTS = 20_000
BOUNDARY = "bbbb"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


@contextlib.contextmanager
def server(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``moue serve``; yields the process and its address."""
    command = [sys.executable, "-m", "moue", "serve", "--quiet", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().split()[-1] if process.stdout else ""
        finally:
            process.terminate()


def multipart(*files: bytes) -> bytes:
    """Return a body."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'.encode()
    return b"".join(head + file + b"\r\n" for file in files) + f"--{BOUNDARY}--\r\n".encode()


def bodies() -> dict[str, tuple[str, str, bytes, int]]:
    """Return the kinds of request: address, type, body and number of faces."""
    import matplotlib as mpl

    photo = (Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg").read_bytes()
    face = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(face).save(content, "PNG")
    crop = content.getvalue()
    tensor = {"name": "images", "datatype": "FP32", "shape": [1, 48, 48, 1], "data": face.ravel().tolist()}
    question = json.dumps({"inputs": [tensor], "outputs": [{"name": "expression"}]}).encode()
    return {
        "analyze, a photo": ("/v1/analyze", MULTIPART, multipart(photo), 1),
        "classify, 1 face": ("/v1/classify", MULTIPART, multipart(crop), 1),
        "classify, 16 faces": ("/v1/classify", MULTIPART, multipart(*[crop] * 16), 16),
        "infer, 1 face": ("/v2/models/small/infer", "application/json", question, 1),
    }


def load(folder: Path, address: str, kind: tuple[str, str, bytes, int], clients: int, seconds: int) -> str:
    """Run wrk and return what it prints."""
    path, media_type, body, _ = kind
    (folder / "body").write_bytes(body)
    script = folder / "post.lua"
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "{media_type}"\n'
        f'local file = io.open("{folder / "body"}", "rb")\nwrk.body = file:read("*a")\nfile:close()\n'
    )
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "--latency", "-s", str(script)]
    return subprocess.run([*command, address + path], check=True, capture_output=True, text=True).stdout


def memory_mb(process: subprocess.Popen[str]) -> float:
    """Return the memory that a process holds."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def cpu_s(process: subprocess.Popen[str]) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(title: str, faces: int, printed: str, spent_s: float) -> str:
    """Return what wrk printed as a row of the table."""
    count = int(re.findall(r"(\d+) requests in", printed)[0])
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", printed)[0])
    half, most = (re.findall(rf"{part}%\s+([\d.]+\w+)", printed)[0] for part in (50, 99))
    refused = re.findall(r"Non-2xx or 3xx responses: (\d+)", printed)
    lost = re.findall(r"Socket errors: (.*)", printed)
    failed = "; ".join([*(f"{count} refused" for count in refused), *lost]) or "0"
    return f"| {title} | {rate:.1f} | {rate * faces:.1f} | {half} | {most} | {1e3 * spent_s / count:.1f} | {failed} |"


def main() -> None:
    """Print the table and the memory."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    cpus = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name, server(*sys.argv[2:]) as (process, address):
        folder, kinds = Path(name), bodies()
        for kind in kinds.values():
            load(folder, address, kind, 2, 1)
        print(f"{cpus} CPUs, load of the machine before: {os.getloadavg()[0]:.1f}\n")
        print("| request | clients | requests/s | faces/s | p50 | p99 | CPU ms a request | failed |")
        print("|---|---|---|---|---|---|---|---|")
        for title, kind in kinds.items():
            for clients in CLIENTS:
                before = cpu_s(process)
                printed = load(folder, address, kind, clients, seconds)
                print(row(f"{title} | {clients}", kind[3], printed, cpu_s(process) - before), flush=True)
        total, sizes = 0, [memory_mb(process)]
        while total < MEMORY_REQUESTS:
            printed = load(folder, address, kinds["classify, 1 face"], 8, 5)
            total += int(re.findall(r"(\d+) requests in", printed)[0])
            sizes.append(memory_mb(process))
        shown = ", ".join(f"{size:.0f}" for size in sizes)
        print(f"\nMB of memory before and every 5 s during {total:,} classify requests: {shown}")


if __name__ == "__main__":
    main()
