"""Which authentication methods a server may request, depending on how it is verified."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Never

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pymysql import err

from stt_shared.protocol.enums import Kind
from stt_worker.databases import tls
from stt_worker.databases.network import reason
from stt_worker.databases.port import Endpoint, InspectionError

REFUSED = 2059  # the client's error number: authentication plugin cannot be loaded
OAEP_BYTES = 42  # of padding, and the password ends with a zero byte
NATIVE, SHA2 = "mysql_native_password", "caching_sha2_password"
# They prove knowledge of the password without sending it. The two SHA-256 methods send it if the
# server has no cached hash; `server_public_key` of the connection decides whether they may.
_PROVING = frozenset({NATIVE, SHA2, "sha256_password", "client_ed25519"})
_CLEAR_TEXT = frozenset({"mysql_clear_password", "dialog"})
# A greeting may start with these only: for sha256_password the driver sends the password at once.
FIRST = frozenset({NATIVE, SHA2})


class Trust(StrEnum):
    """Whether the server is verified, and whether others can read the connection."""

    PLAIN = "unencrypted"
    ENCRYPTED = "encrypted, but unverified"
    VERIFIED = "verified"

    @property
    def methods(self) -> frozenset[str]:
        """The methods that a server may request."""
        return _PROVING | _CLEAR_TEXT if self is Trust.VERIFIED else _PROVING


def trust_in(endpoint: Endpoint) -> Trust:
    """The trust in a connection; a Unix socket counts as verified."""
    if endpoint.socket:
        return Trust.VERIFIED
    if endpoint.tls.mode == tls.OFF:
        return Trust.PLAIN
    return Trust.VERIFIED if tls.proves(endpoint.tls) else Trust.ENCRYPTED


def refused(why: str) -> err.OperationalError:
    """The error of a log-in that the client ends."""
    return err.OperationalError(REFUSED, why)


class AllowList(dict[Any, Any]):
    """PyMySQL's map of plugins, which maps every forbidden method to a class that refuses."""

    def __init__(self, trust: Trust) -> None:
        super().__init__({"": None})  # PyMySQL ignores an empty map
        self._trust = trust

    def get(self, key: Any, default: Any = None) -> Any:
        """The default for an allowed method, which PyMySQL then runs; else the refusing class."""
        name = key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key)
        trust = self._trust
        if name in trust.methods:
            return default

        class Refusing:
            """Replaces a forbidden method."""

            def __init__(self, connection: Any) -> None:
                del connection

            def authenticate(self, packet: Any) -> Never:
                """Refuse before anything is sent; raises OperationalError."""
                del packet
                if name in _CLEAR_TEXT:
                    why = f"the server requests the password in clear text ({name})"
                    hint = "verify the server with tls = verify-full, or its ca, or use its socket"
                    raise refused(f"{why} over a connection that is {trust}: {hint}")
                known = ", ".join(sorted(trust.methods))
                raise refused(f"the server requests the method {name!r:.60}, allowed are {known}")

        return Refusing


def key_needed(trust: Trust) -> err.OperationalError:
    """The error if an unverified server requests the password itself."""
    why = "the server has no cached hash and requests the password itself"
    if trust is Trust.ENCRYPTED:
        hint = "verify the server with tls = verify-full, or verify-ca and its ca"
    else:
        hint = (
            "verify the server with tls and its ca, use its socket, set the file of its key as"
            " server_public_key, or take the risk with allow_public_key_retrieval = true"
        )
    return refused(f"{why} over a connection that is {trust}: {hint}")


def public_key(endpoint: Endpoint) -> bytes:
    """The server's RSA key from the target's file, PEM; empty if the target names no file.

    Raises InspectionError (config) for a file without an RSA key.
    """
    path = endpoint.server_public_key
    if not path:
        return b""
    try:
        pem = Path(path).read_bytes()
        _room(pem)
    except (OSError, ValueError) as error:
        why = f"server_public_key {path} of the target cannot be used: {reason(error)}"
        raise InspectionError(Kind.CONFIG, why) from error
    return pem


def fitting(pem: bytes, password: bytes) -> bytes:
    """`pem`, if it can encrypt a password of this length; else raises OperationalError."""
    room = _room(pem)
    if len(password) > room:
        why = f"the password has {len(password)} bytes, the server's RSA key can encrypt {room}"
        raise refused(f"{why}: connect over TLS with its ca, or use its socket")
    return pem


def _room(pem: bytes) -> int:
    """The longest password, in bytes, that the key can encrypt; raises ValueError."""
    try:
        key = load_pem_public_key(pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("it is not an RSA key")  # noqa: TRY004  # a fault of data
    return key.key_size // 8 - OAEP_BYTES - 1
