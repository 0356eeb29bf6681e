"""The command moue serve: a real socket, signals, and errors at the start."""

import http.client
import signal
import socket
import subprocess
import sys

import pytest

from helpers.serving import files
from moue.errors import MoueError
from moue.serve.server import address_of, is_loopback, listen


@pytest.fixture
def process(tmp_path):
    """Start ``moue serve --port 0`` and return the process and its port."""
    running = []

    def start(*options):
        command = [sys.executable, "-m", "moue", "serve", "--port", "0", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        running.append(process)
        address = process.stdout.readline()
        assert address.startswith("moue is running at http://127.0.0.1:")
        return process, int(address.rpartition(":")[2])

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def body_of(photo):
    """A multipart body with one file."""
    ((name, (file, content)),) = files(photo)
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'.encode()
    return head + content + b"\r\n--b--\r\n"


def test_it_finishes_the_requests_in_progress_before_it_exits(process, photo):
    server, port = process()
    body = body_of(photo)
    with socket.create_connection(("127.0.0.1", port)) as idle, socket.create_connection(("127.0.0.1", port)) as begun:
        kind = "multipart/form-data; boundary=b"
        head = f"POST /v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        begun.sendall(head.encode() + body[:1000])
        other = http.client.HTTPConnection("127.0.0.1", port)
        other.request("GET", "/health/ready")
        assert other.getresponse().read() == b'{"status":"ready"}'
        server.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""  # closed: it had no request
        begun.sendall(body[1000:])
        response = http.client.HTTPResponse(begun)
        response.begin()
        assert response.status == 200
        assert b'"emotion"' in response.read()
    other.close()
    assert server.wait(30) == 0
    printed = server.stderr.read()
    assert "POST /v1/analyze 200" in printed
    assert printed.splitlines()[-1] == "stopped"
    assert "warning" not in printed


def test_ctrl_c_stops_it_and_invalid_http_is_refused(process):
    server, port = process("--quiet")
    post = b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    for sent in (
        b"\x16\x03\x01 no HTTP\r\n\r\n",
        post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        post + b"Transfer-Encoding: chunked\r\n\r\n5\r\n--b\r\n\r\nZZZ\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(sent)
            response = http.client.HTTPResponse(client)
            response.begin()
            assert (response.status, response.headers["Content-Type"]) == (400, "application/problem+json")
            assert b'"came"' in response.read()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(2 * b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        received = client.makefile("rb")
        for _ in range(2):
            assert received.readline() == b"HTTP/1.1 200 OK\r\n"
            while (line := received.readline()) != b"\r\n":
                assert line
            assert received.read(17) == b'{"status":"live"}'
        received.close()
    server.send_signal(signal.SIGINT)
    assert server.wait(30) == 0
    assert not server.stderr.read()


def test_a_port_in_use_is_reported_before_the_models_are_loaded(moue):
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        code, _, printed = moue("serve", "--port", port, "--model", "no-such-model")
    assert code == 1
    assert f"127.0.0.1 port {port}: address already in use" in printed
    assert "--port 0" in printed


def test_other_errors_at_the_start_are_reported(moue, monkeypatch):
    code, _, printed = moue("serve", "--port", 0, "--model", "no-such-model")
    assert (code, "there is no model 'no-such-model'" in printed) == (1, True)
    code, _, printed = moue("serve", "--host", "no.such.host.invalid")
    assert (code, "the host 'no.such.host.invalid' is unknown" in printed) == (1, True)
    code, _, printed = moue("serve", "--port", 70000)
    assert code == 2
    monkeypatch.setenv("MOUE_API_KEY", "short")
    code, _, printed = moue("serve", "--host", "0.0.0.0")  # noqa: S104 (refused before)
    assert (code, "8 or more" in printed) == (2, True)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "moue.serve.server")
    code, _, printed = moue("serve")
    assert (code, 'pip install "moue[serve]"' in printed) == (1, True)


def test_a_public_server_without_a_key_warns(moue, monkeypatch):
    monkeypatch.setattr("moue.serve.server.serve", lambda *_arguments, on_start, **_where: on_start("http://x:1"))
    assert "set --api-key" in moue("serve", "--host", "0.0.0.0")[2]  # noqa: S104 (nothing listens)
    assert "warning" not in moue("serve", "--host", "0.0.0.0", "--api-key", "correct-horse")[2]  # noqa: S104 (as above)
    assert "warning" not in moue("serve", "--host", "localhost")[2]


def test_hosts():
    assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "192.168.0.2", "::", "example.org")] == [False] * 4  # noqa: S104
    with listen("127.0.0.1", 0) as listener:
        assert address_of("::1", listener).startswith("http://[::1]:")
    with pytest.raises(MoueError, match="unknown"):
        listen("no.such.host.invalid", 0)
