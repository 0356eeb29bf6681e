"""Faces per second, latency and memory of the server under load, measured with wrk (Debian: apt install wrk).

Run: python benchmarks/serve.py [SECONDS] [OPTION...]    (10 s each by default; options go to moue serve)

Starts `moue serve` on a free port. Also prints the server's CPU time, because it depends less on other load. wrk runs
on the same machine and takes its share of the CPUs. The photo is matplotlib's sample, 512 x 600 pixels with one face;
the face crop is 48 x 48.
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
MEMORY_SHOWN = 12
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
    """Return a multipart body."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'.encode()
    return b"".join(head + file + b"\r\n" for file in files) + f"--{BOUNDARY}--\r\n".encode()


def kinds() -> dict[str, tuple[str, bytes, int]]:
    """Return the kinds of request: address, body and number of faces."""
    import matplotlib as mpl

    photo = (Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg").read_bytes()
    face = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(face).save(content, "PNG")
    crop = content.getvalue()
    tensor = {"name": "images", "datatype": "FP32", "shape": [1, 48, 48, 1], "data": face.ravel().tolist()}
    request = json.dumps({"inputs": [tensor], "outputs": [{"name": "expression"}]}).encode()
    return {
        "analyze, a photo": ("/v1/analyze", multipart(photo), 1),
        "explain, a photo": ("/v1/explain", multipart(photo), 1),
        "classify, 1 face": ("/v1/classify", multipart(crop), 1),
        "classify, 16 faces": ("/v1/classify", multipart(*[crop] * 16), 16),
        "infer, 1 face": ("/v2/models/small/infer", request, 1),
    }


def photos() -> list[bytes]:
    """Return multipart bodies with the photo in many sizes and formats, so that buffers vary in size."""
    import matplotlib as mpl

    bodies = []
    with Image.open(Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg") as photo:
        for number, width in enumerate(range(96, 512, 13)):
            content = io.BytesIO()
            photo.resize((width, width * 600 // 512)).save(content, ("JPEG", "PNG", "WEBP")[number % 3])
            bodies.append(multipart(content.getvalue()))
    return bodies


def load(folder: Path, address: str, bodies: list[bytes], clients: int, seconds: int) -> str:
    """Send these multipart or JSON bodies in turn with wrk, and return its output."""
    for number, body in enumerate(bodies):
        (folder / f"body-{number}").write_bytes(body)
    media_type = MULTIPART if bodies[0].startswith(b"--") else "application/json"
    script = folder / "post.lua"
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "{media_type}"\nlocal bodies, turn = {{}}, 0\n'
        f'for number = 1, {len(bodies)} do\n  local file = io.open("{folder}/body-" .. number - 1, "rb")\n'
        '  bodies[number] = file:read("*a")\n  file:close()\nend\n'
        "function request()\n  turn = turn % #bodies + 1\n  return wrk.format(nil, nil, nil, bodies[turn])\nend\n"
    )
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "--latency", "-s", str(script)]
    return subprocess.run([*command, address], check=True, capture_output=True, text=True).stdout


def memory_mb(process: subprocess.Popen[str]) -> float:
    """Return the resident memory of a process in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def cpu_s(process: subprocess.Popen[str]) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(title: str, faces: int, printed: str, spent_s: float) -> str:
    """Return the output of wrk as a row of the table."""
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
        folder, requests = Path(name), kinds()
        for path, body, _ in requests.values():
            load(folder, address + path, [body], 2, 1)
        print(f"{cpus} CPUs, load average before: {os.getloadavg()[0]:.1f}\n")
        print("| request | clients | requests/s | faces/s | p50 | p99 | CPU ms per request | failed |")
        print("|---|---|---|---|---|---|---|---|")
        for title, (path, body, faces) in requests.items():
            for clients in CLIENTS:
                before = cpu_s(process)
                printed = load(folder, address + path, [body], clients, seconds)
                print(row(f"{title} | {clients}", faces, printed, cpu_s(process) - before), flush=True)
        path, body, _ = requests["classify, 1 face"]
        print("\nMB of memory before and during:")
        print(memory(process, folder, address + path, [body]), flush=True)
        print(memory(process, folder, address + "/v1/analyze", photos()))


def memory(process: subprocess.Popen[str], folder: Path, address: str, bodies: list[bytes]) -> str:
    """Send many requests; return the number that was refused, and the server's memory over time."""
    total, refused, sizes = 0, 0, [memory_mb(process)]
    while total < MEMORY_REQUESTS:
        printed = load(folder, address, bodies, 8, 5)
        total += int(re.findall(r"(\d+) requests in", printed)[0])
        refused += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", printed)))
        sizes.append(memory_mb(process))
    shown = [sizes[k * (len(sizes) - 1) // MEMORY_SHOWN] for k in range(MEMORY_SHOWN + 1)]
    what = address.rpartition("/")[2]
    return f"{total:,} {what} requests, {refused} refused: " + ", ".join(f"{size:.0f}" for size in shown)


if __name__ == "__main__":
    main()
