"""A receiver of webhooks on loopback whose answers the test decides."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hook:
    """What was posted, and the codes of the next answers; then 204."""

    url: str = ""
    says: list[int] = field(default_factory=list)
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    taken: threading.Event = field(default_factory=threading.Event)


def handler(hook: Hook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = hook.says.pop(0) if hook.says else 204
            hook.posts.append((dict(self.headers), body))
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", f"{hook.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            if code == 204:
                hook.taken.set()

        def log_message(self, *_arguments: object) -> None:
            """Nothing on stderr."""

    return Handler


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[Hook]:
    """A receiver, over TLS if there is a context."""
    hook = Hook()
    web = ThreadingHTTPServer(("127.0.0.1", 0), handler(hook))
    if context is not None:
        web.socket = context.wrap_socket(web.socket, server_side=True)
    hook.url = f"{'https' if context else 'http'}://127.0.0.1:{web.server_port}"
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hook
    finally:
        web.shutdown()
        thread.join()
        web.server_close()
