"""A web server on 127.0.0.1 that behaves as badly as a test asks for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MOST_REQUESTS = 200


class Loopback:
    """Serves `contents` by path. Each behaviour in `behaviours` handles one request; then all goes well."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.contents: dict[str, bytes] = {}
        self.version: str | None = '"v1"'
        self.behaviours: list[Callable[[BaseHTTPRequestHandler, bytes], None]] = []
        self.requests: list[tuple[str, str | None]] = []  # path and Range

    def url(self, path: str, content: bytes) -> str:
        self.contents[path] = content
        return self.address + path

    def respond(self, request: BaseHTTPRequestHandler) -> None:
        self.requests.append((request.path, request.headers["Range"]))
        content = self.contents.get(request.path)
        if content is None or len(self.requests) > MOST_REQUESTS:
            return send_status(404)(request, b"")
        behave = self.behaviours.pop(0) if self.behaviours else self.send
        return behave(request, content)

    def send(self, request: BaseHTTPRequestHandler, content: bytes, cut: int | None = None) -> None:
        """Answer as RFC 9110 says, Range and If-Range included; `cut` closes after that many bytes."""
        start = int((request.headers["Range"] or "bytes=0-")[len("bytes=") : -1])
        if start and request.headers["If-Range"] in (None, self.version):
            if start >= len(content):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(content)}")
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            content = content[start:]
        else:
            request.send_response(200)
        if self.version:
            request.send_header("ETag", self.version)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[:cut])

    def send_cut(self, count: int) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
        return lambda request, content: self.send(request, content, cut=count)


def send_status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    def behave(request: BaseHTTPRequestHandler, _content: bytes) -> None:
        request.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()

    return behave


def send_all(request: BaseHTTPRequestHandler, content: bytes) -> None:
    """Answer with everything, whatever part was asked for."""
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def send_other_piece(request: BaseHTTPRequestHandler, content: bytes) -> None:
    """Answer with the last byte, whatever part was asked for."""
    request.send_response(206)
    last = len(content) - 1
    request.send_header("Content-Range", f"bytes {last}-{last}/{len(content)}")
    request.send_header("Content-Length", "1")
    request.end_headers()
    request.wfile.write(content[-1:])


def send_nothing(request: BaseHTTPRequestHandler, _content: bytes) -> None:
    """Close the connection without an answer."""
    request.close_connection = True


@contextmanager
def serving() -> Iterator[Loopback]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            loopback.respond(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    loopback = Loopback(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
