"""A web server for tests, on a free port of this machine."""

import contextlib
import http.server
import threading


@contextlib.contextmanager
def serving(handler):
    """Run a server with `handler` in a thread; yields its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
