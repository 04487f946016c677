"""A collector of traces: takes OTLP over HTTP, as OpenTelemetry's own collector does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

PREFIX = "stt."


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span as it was sent, ids in hexadecimal; `about` without the prefix of its names."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    about: dict[str, str | int]


@dataclass(slots=True)
class Collector:
    """What came in, and where."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list[bytes])

    @property
    def spans(self) -> list[Span]:
        return [span for body in list(self.bodies) for span in _spans(body)]


def _spans(body: bytes) -> Iterator[Span]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = str(_about(group.resource.attributes)["service.name"])
        for scope in group.scope_spans:
            for span in scope.spans:
                assert span.start_time_unix_nano <= span.end_time_unix_nano
                yield Span(
                    service=service,
                    name=span.name,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    about=_about(span.attributes),
                )


def _about(pairs: list[KeyValue]) -> dict[str, str | int]:
    return {
        pair.key.removeprefix(PREFIX): pair.value.string_value or pair.value.int_value
        for pair in pairs
    }


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on loopback until the block ends."""
    made = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            made.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
