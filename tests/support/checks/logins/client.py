"""A log-in to PostgreSQL from any address of the machine, in the protocol's own messages.

libpq cannot choose the address that it comes from.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import socket
import ssl
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from stt_coordinator.local.servers.process import Running

PROTOCOL, SSL_REQUEST = 196608, 80877103
TIMEOUT_S = 30
NONCE = "abcdefghijklmnopqr"  # of a client that nobody listens to
FULL = (b"sorry, too many clients", b"remaining connection slots", b"exceeds max_wal_senders")
ANSWERED = {0: "", 3: "clear", 5: "md5", 10: "scram"}  # codes of what the server asks for


@dataclass(frozen=True)
class LogIn:
    """Who logs in where: `address` is "" for the socket, `database` "" for replication."""

    kind: str  # local, clear or tls
    address: str
    user: str
    database: str


@dataclass(frozen=True)
class Answer:
    """Whether the server let it in, and which kind of password it wanted before."""

    admitted: bool
    asked: str
    error: str = ""


class FullError(Exception):
    """The server has no room for one more session now."""


def log_in(server: Running, one: LogIn, password: str) -> Answer:
    """Try it, with that password where one is asked for; again where the server is full."""
    while True:
        try:
            with _Session(server, one) as session:
                return session.log_in(password)
        except FullError:
            continue


class _Session:
    def __init__(self, server: Running, one: LogIn) -> None:
        self.one = one
        self.socket = _connected(server, one)
        if one.kind == "tls":
            self.socket = _encrypted(self.socket)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def log_in(self, password: str) -> Answer:
        words = ["user", self.one.user]
        words += ["database", self.one.database] if self.one.database else ["replication", "true"]
        body = b"".join(word.encode() + b"\0" for word in words) + b"\0"
        self.socket.sendall(struct.pack("!II", len(body) + 8, PROTOCOL) + body)
        asked, server_first = "", ""
        while True:
            kind, body = self._message()
            if kind == b"E":
                if any(text in body for text in FULL):
                    raise FullError
                fields = [part.decode() for part in body.split(b"\0") if part]
                text = next(part[1:] for part in fields if part[0] == "M")
                return Answer(admitted=False, asked=asked, error=text)
            if kind == b"Z":
                return Answer(admitted=True, asked=asked)
            if kind == b"R":
                code = int(struct.unpack("!I", body[:4])[0])
                asked = ANSWERED.get(code) or asked
                if code == 11:  # the salt has come
                    server_first = body[4:].decode()
                self._reply(code, body[4:], password, server_first)

    def _reply(self, code: int, body: bytes, password: str, server_first: str) -> None:
        if code == 3:
            self._send(password.encode() + b"\0")
        elif code == 5:
            inner = hashlib.md5((password + self.one.user).encode()).hexdigest()  # noqa: S324  # its name
            outer = hashlib.md5(inner.encode() + body).hexdigest()  # noqa: S324
            self._send(b"md5" + outer.encode() + b"\0")
        elif code == 10:
            first = f"n,,n=,r={NONCE}".encode()
            self._send(b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
        elif code == 11:
            self._send(_proved(password, server_first))

    def _send(self, body: bytes) -> None:
        self.socket.sendall(b"p" + struct.pack("!I", len(body) + 4) + body)

    def _message(self) -> tuple[bytes, bytes]:
        head = self._read(5)
        return head[:1], self._read(int(struct.unpack("!I", head[1:])[0]) - 4)

    def _read(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            part = self.socket.recv(count - len(found))
            if not part:
                raise ConnectionError("the server hung up")
            found += part
        return found


def _connected(server: Running, one: LogIn) -> socket.socket:
    if one.kind == "local":
        found = socket.socket(socket.AF_UNIX)
        found.settimeout(TIMEOUT_S)
        found.connect(str(Path(str(server.socket)) / f".s.PGSQL.{server.port}"))
        return found
    where = "::1" if ":" in one.address else "127.0.0.1"
    return socket.create_connection((where, server.port), TIMEOUT_S, (one.address, 0))


def _encrypted(plain: socket.socket) -> socket.socket:
    plain.sendall(struct.pack("!II", 8, SSL_REQUEST))
    if plain.recv(1) != b"S":
        raise ConnectionError("the server offers no TLS")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


@functools.lru_cache(maxsize=1000)
def _salted(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)


def _proved(password: str, server_first: str) -> bytes:
    fields = dict(part.split("=", 1) for part in server_first.split(","))
    salted = _salted(password, base64.b64decode(fields["s"]), int(fields["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    last = f"c=biws,r={fields['r']}"
    signed = ",".join([f"n=,r={NONCE}", server_first, last]).encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
    return f"{last},p={proof}".encode()
