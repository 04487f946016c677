"""Which methods of authentication a server may ask for, by how far it is known who it is."""

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

REFUSED = 2059  # the client's own number: authentication plugin cannot be loaded
OAEP_BYTES = 42  # of padding, and the password ends with a zero byte
NATIVE, SHA2 = "mysql_native_password", "caching_sha2_password"
# They prove that the password is known and do not hand it over. The two of SHA-256 hand it over
# where the server does not remember it: `server_public_key` of the connection decides about that.
_PROVING = frozenset({NATIVE, SHA2, "sha256_password", "client_ed25519"})
_CLEAR_TEXT = frozenset({"mysql_clear_password", "dialog"})
# What a greeting may name to begin with: for sha256_password the driver sends it at once.
FIRST = frozenset({NATIVE, SHA2})


class Trust(StrEnum):
    """How far it is known who answers, and who else can listen."""

    PLAIN = "unencrypted"
    ENCRYPTED = "encrypted, but unverified"
    VERIFIED = "verified"

    @property
    def methods(self) -> frozenset[str]:
        """The methods that a server may ask for."""
        return _PROVING | _CLEAR_TEXT if self is Trust.VERIFIED else _PROVING


def trust_in(endpoint: Endpoint) -> Trust:
    """A Unix socket is as good as verified TLS for handing over a password."""
    if endpoint.socket:
        return Trust.VERIFIED
    if endpoint.tls.mode == tls.OFF:
        return Trust.PLAIN
    return Trust.VERIFIED if tls.proves(endpoint.tls) else Trust.ENCRYPTED


def refused(why: str) -> err.OperationalError:
    """The error of a log-in that we end, not the server."""
    return err.OperationalError(REFUSED, why)


class AllowList(dict[Any, Any]):
    """PyMySQL's map of plugins: a class that refuses for every method not allowed."""

    def __init__(self, trust: Trust) -> None:
        super().__init__({"": None})  # the driver takes an empty map for none
        self._trust = trust

    def get(self, key: Any, default: Any = None) -> Any:
        """None, which leaves the method to PyMySQL, for an allowed method alone."""
        name = key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key)
        return default if name in self._trust.methods else _refusing(name, self._trust)


def _refusing(name: str, trust: Trust) -> type[Any]:
    class Refusing:
        """Stands in for a method that is not allowed."""

        def __init__(self, connection: Any) -> None:
            del connection

        def authenticate(self, packet: Any) -> Never:
            """Refuse before anything is sent."""
            del packet
            if name in _CLEAR_TEXT:
                why = f"the server asks for the password in clear text ({name})"
                hint = "verify the server with tls = verify-full, or with its ca, or use its socket"
                raise refused(f"{why} over a connection that is {trust}: {hint}")
            known = ", ".join(sorted(trust.methods))
            raise refused(f"the server asks for the method {name!r:.60}, allowed are {known}")

    return Refusing


def key_needed(trust: Trust) -> err.OperationalError:
    """Why a password is not handed over: the server wants it whole, and could be anybody."""
    why = "the server does not remember the password and wants it whole"
    if trust is Trust.ENCRYPTED:
        hint = "verify the server with tls = verify-full, or verify-ca and its ca"
    else:
        hint = (
            "verify the server with tls and its ca, use its socket, name the file of its key as"
            " server_public_key, or take the risk with allow_public_key_retrieval = true"
        )
    return refused(f"{why} over a connection that is {trust}: {hint}")


def public_key(endpoint: Endpoint) -> bytes:
    """The server's own RSA key as the target names it, PEM; empty without one.

    Raises LookError (config) for a file that holds none.
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
    """`pem`, if a password of that length can be encrypted with it; raises the log-in's error."""
    room = _room(pem)
    if len(password) > room:
        why = f"the password has {len(password)} bytes, the server's RSA key takes {room}"
        raise refused(f"{why}: connect over TLS with its ca, or use its socket")
    return pem


def _room(pem: bytes) -> int:
    """How many bytes of a password the key can encrypt; raises ValueError."""
    try:
        key = load_pem_public_key(pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("it is no RSA key")  # noqa: TRY004  # a fault of data
    return key.key_size // 8 - OAEP_BYTES - 1
