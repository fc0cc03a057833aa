"""A key service that throttles, before the one of the lake."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread


class Throttle:
    """Refuses to encrypt, as KMS does over its quota, until it is opened; then it hands calls on."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint, self.url = endpoint, ""
        self.refused = self.passed = 0
        self._open, self._lock = Event(), Lock()

    def open(self) -> None:
        self._open.set()

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        with self._lock:
            if not self._open.is_set():
                self.refused += 1
                return 400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
            self.passed += 1
        request = urllib.request.Request(self.endpoint, data=body, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read()


@contextmanager
def throttled_kms(endpoint: str) -> Iterator[Throttle]:
    """Serve a throttle before an endpoint."""
    throttle = Throttle(endpoint)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept = ("content-type", "x-amz-target", "authorization", "x-amz-date")
            headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
            status, answer = throttle.answer(headers, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    throttle.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield throttle
    finally:
        server.shutdown()
        server.server_close()
