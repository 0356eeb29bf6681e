"""Send corrupted requests to a server in this process: none may crash it, or get a 500 or an undescribed error.

Run: python benchmarks/serve_fuzz.py [UPLOADS] [SEED]    (5,000 uploads by default; needs the extra 'serve')

Mutates files inside a valid multipart body, whole multipart bodies, JSON with base64, requests of the Open Inference
Protocol, and the options of all of them.
"""

from __future__ import annotations

import base64
import collections
import io
import json
import logging
import random
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from moue.serve.app import create_app
from moue.serve.settings import Settings
from mutations import mutated, mutated_json

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDARY = b"bbbb"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
JSON = {"Content-Type": "application/json"}
OPTIONS = {
    "/v1/analyze": b"views=1&unsure_below=0.5&model=small&boxes=1,2,30,30",
    "/v1/classify": b"unsure_below=0.5&model=small",
    "/v1/explain": b"views=1&emotion=sad&emotion=happy&model=small&boxes=1,2,30,30&format=png",
}
DRAWN = ("?annotate=1", "?format=png")
HEADERS = (
    "multipart/form-data; boundary=bbbb; charset=utf-16",
    "multipart/form-data; boundary=bbbb; charset=idna",
    "multipart/form-data; boundary=bbbb; charset=unicode_escape",
    "multipart/form-data; boundary=" + "b" * 300,
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary="',
    "application/json; charset=utf-16",
    "multipart/mixed; boundary=bbbb",
)


def images() -> list[bytes]:
    """Return a small file of every supported format."""
    face = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    files = []
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"):
        content = io.BytesIO()
        Image.fromarray(face).save(content, kind)
        files.append(content.getvalue())
    return files


def multipart(file: bytes, name: bytes = b"face.png") -> bytes:
    """Return a multipart body with one file."""
    head = b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="image"; filename="' + name + b'"\r\n\r\n'
    return head + file + b"\r\n--" + BOUNDARY + b"--\r\n"


def requests(rng: random.Random) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """Yield addresses, bodies and headers endlessly."""
    files = images()
    tensor = {"name": "images", "datatype": "FP32", "shape": [1, 48, 48, 1], "data": [7] * 2304}
    inference = json.dumps({"inputs": [tensor], "outputs": [{"name": "expression"}]}).encode()
    addresses = ("/v1/analyze", "/v1/classify", "/v1/explain")
    while True:
        file, address = rng.choice(files), rng.choice(addresses)
        query = mutated(OPTIONS[address], rng).decode("latin-1")
        options = f"?{query}" if rng.random() < 0.2 else rng.choice(DRAWN) if rng.random() < 0.2 else ""
        yield address + options, multipart(mutated(file, rng)), MULTIPART
        yield address, mutated(multipart(file), rng), MULTIPART
        yield address, multipart(file, mutated('früh\\".jpg'.encode(), rng)), {"Content-Type": rng.choice(HEADERS)}
        body = json.dumps({"images": [base64.b64encode(mutated(file, rng)).decode()]}).encode()
        yield address + options, mutated_json(body, rng) if rng.random() < 0.5 else body, JSON
        yield "/v2/models/small/infer", mutated_json(inference, rng), JSON


def main() -> int:
    """Send the requests and count the responses by status."""
    count, seed = (int(sys.argv[k]) if len(sys.argv) > k else default for k, default in ((1, 5000), (2, 0)))
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    rng = random.Random(seed)  # noqa: S311 (repeatable)
    statuses: collections.Counter[int] = collections.Counter()
    wrong: list[str] = []
    slowest = 0.0
    with TestClient(create_app(Settings(max_bytes=200_000))) as client:
        for number, (address, body, headers) in zip(range(count), requests(rng), strict=False):
            start = time.perf_counter()
            try:
                response = client.post(address, content=body, headers=headers)
            except httpx.InvalidURL:
                continue
            slowest = max(slowest, time.perf_counter() - start)
            statuses[response.status_code] += 1
            if fault := fault_of(response):
                wrong.append(f"request {number}: {address!r}: {fault}")
        gate: Any = client.app.state.gate  # type: ignore[attr-defined]
        if gate.requests or gate.buffered:
            wrong.append(f"the gate still counts {gate.requests} requests and {gate.buffered} bytes")
    print(
        f"{sum(statuses.values()):,} requests, seed {seed}: {dict(sorted(statuses.items()))}; slowest {slowest:.2f} s"
    )
    print("\n".join(wrong[:20]) or "every response was a result or a problem document")
    return bool(wrong)


def fault_of(response: httpx.Response) -> str:
    """Return what is wrong with a response, or an empty string."""
    if response.status_code >= 500:
        return f"{response.status_code} {response.text[:200]}"
    kind = response.headers["content-type"]
    if response.status_code == 200:
        content = response.content if kind.startswith("image/") else response.json()
        return "" if content else "an empty response"
    if kind != "application/problem+json" or not response.json()["came"]:
        return f"{response.status_code} as {kind}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
