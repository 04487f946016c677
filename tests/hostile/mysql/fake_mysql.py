"""A MySQL server that lies: one conversation a connection, written down as a list of steps."""

from __future__ import annotations

import contextlib
import functools
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SALT = b"12345678abcdefghijkl"
FULL_AUTHENTICATION = b"\x01\x04"
FAST_PATH_TAKEN = b"\x01\x03"
OK = b"\x00\x00\x00\x02\x00\x00\x00"
OK_READ_ONLY = b"\x00\x00\x00\x03\x20\x00\x00"
EOF = b"\xfe\x00\x00\x03\x20"
ASK_FOR_KEY = (b"\x01", b"\x02")  # of sha256_password and of caching_sha2_password
SSL_REQUEST_BYTES = 32
FACTS = (
    *("version", "comment", "basedir", "datadir", "read_only", "innodb_read_only"),
    *("init_connect", "max_allowed_packet", "home", "kept"),
)
TIMEOUT_S = 10.0  # with a client that says nothing


@dataclass
class Peer:
    """One connection: packets in and out, and everything that the client sent."""

    socket: socket.socket
    number: int = 0
    heard: list[bytes] = field(default_factory=list[bytes])

    def say(self, body: bytes, *, length: int | None = None) -> None:
        """Send a packet; `length` is the lie about its size."""
        size = len(body) if length is None else length
        self.socket.sendall(size.to_bytes(3, "little") + bytes([self.number]) + body)
        self.number = (self.number + 1) % 256

    def hear(self) -> bytes:
        """The next packet of the client."""
        head = self._exactly(4)
        self.number = head[3] + 1
        body = self._exactly(int.from_bytes(head[:3], "little"))
        self.heard.append(body)
        return body

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            more = self.socket.recv(size - len(found))
            if not more:
                raise ConnectionResetError("the client has gone")
            found += more
        return found


Talk = Callable[[Peer], None]


@dataclass
class Fake:
    """A server on a port of loopback, and the conversations it had."""

    port: int = 0
    peers: list[Peer] = field(default_factory=list[Peer])

    @property
    def heard(self) -> list[bytes]:
        """Every packet of every client."""
        return [packet for peer in self.peers for packet in peer.heard]


@contextmanager
def fake_mysql(
    talk: Talk,
    *,
    plugin: str = "caching_sha2_password",
    version: str = "9.7.4",
    tls: ssl.SSLContext | None = None,
) -> Iterator[Fake]:
    """Greets with `version` and `plugin`, hears the log-in, over TLS if it has any, then talks."""
    fake = Fake()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(TIMEOUT_S)
            peer = Peer(self.request)
            fake.peers.append(peer)
            with contextlib.suppress(OSError):  # the client has heard enough
                peer.say(greeting(version, plugin, tls=tls is not None))
                if len(peer.hear()) == SSL_REQUEST_BYTES and tls is not None:
                    peer.socket = tls.wrap_socket(peer.socket, server_side=True)
                    peer.hear()
                talk(peer)
            peer.socket.close()

    with _Server(("127.0.0.1", 0), Handler) as server:
        fake.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield fake
        finally:
            server.shutdown()
            serving.join()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False  # at the end every conversation is waited for


def greeting(version: str, plugin: str, *, tls: bool) -> bytes:
    """Protocol 10: capabilities are 4.1, plugins, long log-in data, and TLS if there is any."""
    low, high = 0x8200 | (0x0800 if tls else 0), 0x0028
    return (
        b"\x0a" + version.encode() + b"\0" + struct.pack("<I", 7) + SALT[:8] + b"\0"
        + struct.pack("<HBHHB", low, 45, 2, high, len(SALT) + 1) + bytes(10) + SALT[8:] + b"\0"
        + plugin.encode() + b"\0"
    )  # fmt: skip


def switch(plugin: str) -> bytes:
    """Ask for another method."""
    return b"\xfe" + plugin.encode() + b"\0" + SALT + b"\0"


def error(number: int, words: str) -> bytes:
    """An error of the server."""
    return b"\xff" + struct.pack("<H", number) + b"#HY000" + words.encode()


def column(name: str) -> bytes:
    """The description of a column of text."""
    texts = (b"def", b"", b"", b"", name.encode(), b"")
    head = b"".join(bytes([len(one)]) + one for one in texts)
    return head + struct.pack("<BHIBHBH", 12, 45, 1024, 253, 0, 0, 0)


def say_rows(peer: Peer, names: list[str], *rows: list[str]) -> None:
    """A whole answer."""
    peer.say(bytes([len(names)]))
    for name in names:
        peer.say(column(name))
    peer.say(EOF)
    for row in rows:
        peer.say(b"".join(_sized(one.encode()) for one in row))
    peer.say(EOF)


def _sized(value: bytes) -> bytes:
    """A value after its length, in the one or three bytes that it takes."""
    size = len(value)
    return (bytes([size]) if size < 251 else b"\xfc" + struct.pack("<H", size)) + value


@functools.cache
def _key_of(name: str) -> rsa.RSAPrivateKey:
    """A key pair of somebody's own."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def open_session(
    peer: Peer,
    kept: str,
    *,
    begun: bytes = OK_READ_ONLY,
    packet: int = 2**26,
    version: str = "9.7.4",
    home: str = "information_schema",
) -> None:
    """Let the client in and answer its opening: reset, database, pins, transaction, facts."""
    peer.say(OK)
    for answer in (OK, OK, OK, begun):
        peer.hear()
        peer.say(answer)
    peer.hear()
    row = [version, "MySQL", "/usr", "/var", "0", "0", "", str(packet), home, kept]
    say_rows(peer, list(FACTS), row)


class Thief:
    """Has an RSA key of its own, and asks for the whole password with it."""

    def __init__(self, name: str = "thief") -> None:
        self._key = _key_of(name)
        self.stolen = b""

    @property
    def pem(self) -> bytes:
        """The key that it hands out."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, form)

    def __call__(self, peer: Peer) -> None:
        """Full authentication: the key is handed out, the password decrypted."""
        peer.say(FULL_AUTHENTICATION)
        self.take(peer)

    def take(self, peer: Peer) -> None:
        """Hand out the key if it is asked for, and read what comes then."""
        body = peer.hear()
        if body in ASK_FOR_KEY:
            peer.say(b"\x01" + self.pem)
            body = peer.hear()
        self.stolen = self._decrypted(body) if len(body) == self._key.key_size // 8 else body
        peer.say(OK)

    def _decrypted(self, body: bytes) -> bytes:
        sha1 = hashes.SHA1()  # noqa: S303  # what the protocol says
        oaep = padding.OAEP(mgf=padding.MGF1(sha1), algorithm=sha1, label=None)
        try:
            plain = self._key.decrypt(body, oaep)
        except ValueError:  # it was encrypted for somebody else
            return b""
        return bytes(one ^ SALT[at % len(SALT)] for at, one in enumerate(plain))
