"""Misbehaving clients against a real server: each request must get a clear response, and the server must survive.

Run: python benchmarks/serve_chaos.py [IDLE]    (1,000 idle connections by default; needs the extra 'serve'; 2 minutes)

Sends partial heads, partial bodies, single slow bytes, endless bodies, broken chunks, clients that leave before the
response, and idle connections; then SIGTERM and SIGKILL under load, each followed by a restart on the same port.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import io
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEAD = "POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"


def crop() -> bytes:
    """Return a multipart body with one face crop."""
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)).save(content, "PNG")
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    return head + content.getvalue() + b"\r\n--b--\r\n"


BODY = crop()
WHOLE = f"{HEAD}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY


class Server:
    """A server process that can be started again on its port."""

    def __init__(self) -> None:
        self.port = 0
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "moue", "serve", "--quiet", "--port", str(self.port), "--max-mb", "1"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        address = process.stdout.readline() if process.stdout else ""
        self.port = int(address.rpartition(":")[2])
        return process

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def restart(self) -> None:
        """Start the server again on the same port."""
        self.process = self._start()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield a connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def status(reader: asyncio.StreamReader) -> str:
    """Read a response; return its status, or how the connection ended."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return "closed"
    length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length"))
    try:
        await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return "half a response"
    return head.split()[1]


async def send(port: int, *parts: bytes, pause: float = 0.0) -> str:
    """Send the parts with pauses between them and return the outcome."""
    async with connected(port) as (reader, writer):
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
        return await asyncio.wait_for(status(reader), 90)


async def leave(port: int) -> None:
    """Send a request and leave before the response."""
    async with connected(port) as (_, writer):
        writer.write(WHOLE)
        await writer.drain()


async def endless(port: int) -> str:
    """Send an endless body."""
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    return await send(port, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode(), *[piece] * 100)


async def misbehave(port: int) -> dict[str, str]:
    """Run all kinds of misbehaving clients at once; return the outcome of each."""
    chunked = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode()
    cases = {
        "half a head": send(port, WHOLE[:60]),
        "a head that trickles": send(port, *[WHOLE[k : k + 1] for k in range(31)], pause=0.5),
        "half a body": send(port, WHOLE[:-20]),
        "a body in pieces": send(port, *[WHOLE[k : k + 300] for k in range(0, len(WHOLE), 300)], pause=0.2),
        "a body without end": endless(port),
        "a body announced as 1 TB": send(port, f"{HEAD}Content-Length: {10**12}\r\n\r\n".encode(), b"x" * 100_000),
        "a broken chunk": send(port, chunked + b"5\r\nhello\r\nZZZ\r\nno\r\n"),
        "two lengths": send(port, f"{HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\n".encode()),
        "a head of 100 kB": send(port, HEAD.encode() + b"X: " + b"x" * 100_000 + b"\r\n\r\n"),
        "TLS": send(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n"),
        "two requests at once": send(port, WHOLE + WHOLE),
    }
    return dict(zip(cases, await asyncio.gather(*cases.values()), strict=True))


async def with_idle(port: int, count: int) -> str:
    """Return the outcomes of requests while `count` connections are idle."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(count):
            await stack.enter_async_context(connected(port))
        outcomes = collections.Counter([await send(port, WHOLE) for _ in range(20)])
    return f"{count:,} idle connections, 20 requests meanwhile: {dict(outcomes)}"


async def under_load(server: Server, number: signal.Signals) -> str:
    """Return the outcomes of requests from 16 clients while the server is stopped and restarted."""
    outcomes: collections.Counter[str] = collections.Counter()
    running = True

    async def client() -> None:
        while running:
            try:
                outcomes[await send(server.port, WHOLE)] += 1
            except OSError:
                outcomes["no connection"] += 1
                await asyncio.sleep(0.05)

    clients = [asyncio.create_task(client()) for _ in range(16)]
    await asyncio.sleep(3)
    code = await asyncio.to_thread(server.end, number)
    await asyncio.to_thread(server.restart)
    await asyncio.sleep(2)
    running = False
    await asyncio.gather(*clients)
    return f"{number.name} under load, exit code {code}, restarted: {dict(outcomes)}"


async def main() -> None:
    """Print the outcome for each kind of client."""
    server = Server()
    try:
        for name, end in (await misbehave(server.port)).items():
            print(f"{name}: {end}", flush=True)
        await asyncio.gather(*(leave(server.port) for _ in range(200)))
        soon = await send(server.port, WHOLE)
        await asyncio.sleep(1)
        print(f"right after 200 clients that left: {soon}, a second later: {await send(server.port, WHOLE)}")
        print(await with_idle(server.port, int(sys.argv[1]) if len(sys.argv) > 1 else 1000), flush=True)
        for number in (signal.SIGTERM, signal.SIGKILL):
            print(await under_load(server, number), flush=True)
    finally:
        code = server.end(signal.SIGTERM)
    print(f"exit code {code}")


if __name__ == "__main__":
    asyncio.run(main())
