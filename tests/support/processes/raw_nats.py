"""Frames to nats-server as bytes, which no client library would send."""

from __future__ import annotations

import socket

from tests.support.processes.broker import Broker

CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n'
TIMEOUT_S = 60.0


def publish(subject: bytes, data: bytes = b"x", reply: bytes = b"") -> bytes:
    """A PUB frame."""
    tokens = [b"PUB", subject, *([reply] if reply else []), b"%d" % len(data)]
    return b" ".join(tokens) + b"\r\n" + data + b"\r\n"


def publish_with_headers(subject: bytes, headers: bytes, data: bytes = b"x") -> bytes:
    """An HPUB frame; `headers` are not looked at by the server."""
    sizes = b"%d %d" % (len(headers), len(headers) + len(data))
    return b"HPUB " + subject + b" " + sizes + b"\r\n" + headers + data + b"\r\n"


def send_frames(broker: Broker, *frames: bytes) -> None:
    """Send `frames` on a connection of their own; returns once the server has read them."""
    with socket.create_connection((broker.host, broker.port), TIMEOUT_S) as wire:
        wire.settimeout(TIMEOUT_S)
        wire.recv(65_536)
        wire.sendall(CONNECT + b"".join(frames) + b"PING\r\n")
        answer = b""
        while b"PONG" not in answer:
            read = wire.recv(65_536)
            assert read, answer
            answer += read
