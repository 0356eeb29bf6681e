"""Ill-behaved clients against a real server: each request must be answered or refused clearly; the server must stay.

Run: python benchmarks/serve_chaos.py [IDLE]    (1,000 idle connections by default; needs the extra 'serve'; 2 minutes)

Half heads, half bodies, bytes that trickle, bodies without end, clients that go before their answer, broken chunks and
idle connections; then SIGTERM and SIGKILL under load, each followed by a new start on the same port.
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

    def end(self, how: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(60)

    def start_again(self) -> None:
        """Start again on the same port."""
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
    """Return the status of an answer whose body is read, or that the connection was closed."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return "closed"
    length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length"))
    try:
        await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return "half an answer"
    return head.split()[1]


async def send(port: int, *parts: bytes, pause: float = 0.0) -> str:
    """Send the parts with pauses between them and return how it ended."""
    async with connected(port) as (reader, writer):
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
        return await asyncio.wait_for(status(reader), 90)


async def leave(port: int) -> None:
    """Ask and go."""
    async with connected(port) as (_, writer):
        writer.write(WHOLE)
        await writer.drain()


async def endless(port: int) -> str:
    """Send a body without an end."""
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    return await send(port, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode(), *[piece] * 100)


async def ill_behaved(port: int) -> dict[str, str]:
    """Return how each kind of client fared, all at once."""
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
    """Return how requests fare while that many connections are idle."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(count):
            await stack.enter_async_context(connected(port))
        ends = collections.Counter([await send(port, WHOLE) for _ in range(20)])
    return f"{count:,} idle connections, 20 requests meanwhile: {dict(ends)}"


async def under_load(server: Server, how: signal.Signals) -> str:
    """Return how requests fare when the server is ended while 16 clients ask."""
    ends: collections.Counter[str] = collections.Counter()
    going = True

    async def client() -> None:
        while going:
            try:
                ends[await send(server.port, WHOLE)] += 1
            except OSError:
                ends["no connection"] += 1
                await asyncio.sleep(0.05)

    clients = [asyncio.create_task(client()) for _ in range(16)]
    await asyncio.sleep(3)
    code = await asyncio.to_thread(server.end, how)
    await asyncio.to_thread(server.start_again)
    await asyncio.sleep(2)
    going = False
    await asyncio.gather(*clients)
    return f"{how.name} under load, exit code {code}, started again: {dict(ends)}"


async def main() -> None:
    """Print how each kind of client fared."""
    server = Server()
    try:
        for name, end in (await ill_behaved(server.port)).items():
            print(f"{name}: {end}", flush=True)
        await asyncio.gather(*(leave(server.port) for _ in range(200)))
        soon = await send(server.port, WHOLE)
        await asyncio.sleep(1)
        print(f"right after 200 clients that went: {soon}, a second later: {await send(server.port, WHOLE)}")
        print(await with_idle(server.port, int(sys.argv[1]) if len(sys.argv) > 1 else 1000), flush=True)
        for how in (signal.SIGTERM, signal.SIGKILL):
            print(await under_load(server, how), flush=True)
    finally:
        code = server.end(signal.SIGTERM)
    print(f"exit code {code}")


if __name__ == "__main__":
    asyncio.run(main())
