"""How a client logs in to NATS: arguments, TLS, and keys read anew for each connection."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import nats.errors

from stt_shared.bus.jetstream.options import NatsOptions
from stt_shared.errors import UnreachableError

MAX_FILE_BYTES = 64 * 1024
_SEED = re.compile(r"SU[A-Z2-7]{56}")
_CREDS = re.compile(
    r"-----BEGIN NATS USER JWT-----\s+(?P<jwt>[\w-]+\.[\w-]+\.[\w-]+)\s+-+END NATS USER JWT-+"
    r".*?-----BEGIN USER NKEY SEED-----\s+(?P<seed>\S+)\s+-+END USER NKEY SEED-+",
    re.DOTALL,
)


class CredentialsError(nats.errors.Error):
    """A file of credentials is missing, unreadable or incomplete; the text shows nothing of it."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs the nonce of the server, and the JWT of its user; `jwt` may be empty."""

    public: str
    jwt: str
    _key: Any  # of a package without types

    def sign(self, nonce: str) -> bytes:
        """The signature of `nonce` as the protocol sends it."""
        return base64.b64encode(self._key.sign(nonce.encode()))


def reader_of(options: NatsOptions) -> Callable[[], Signer] | None:
    """What reads the file that `options` name; None for a log-in without a file.

    It raises CredentialsError, which the client treats as a failed attempt. The client's own reader
    of a half-written file loops for ever or raises what ends its reconnecting.
    """
    if options.nkey:
        return partial(read_nkey, Path(options.nkey))
    return partial(read_creds, Path(options.creds)) if options.creds else None


def checked_reader(options: NatsOptions, address: str) -> Callable[[], Signer] | None:
    """What reads the file that `options` name, which is complete now; None without a file.

    Raises UnreachableError, before anything is sent to `address`.
    """
    found = reader_of(options)
    try:
        if found is not None:
            found()
    except CredentialsError as error:
        raise UnreachableError(f"cannot log in to NATS at {address} ({error})") from error
    return found


def login(options: NatsOptions) -> dict[str, Any]:
    """The arguments of the client that say where and how to log in, but for keys.

    Raises OSError for a file of TLS that cannot be used.
    """
    given: dict[str, Any] = {
        "servers": list(options.servers),
        "name": options.name,
        "inbox_prefix": options.inbox_prefix.encode(),
        "connect_timeout": max(1, int(options.timeout_s)),
    }
    if options.user:
        given |= {"user": options.user, "password": options.password}
    if options.token:
        given["token"] = options.token
    if options.needs_tls:
        given["tls_handshake_first"] = options.tls_first
        given["tls"] = tls_context(options.ca, options.cert, options.key)
    return given


def tls_context(ca: str, cert: str, key: str) -> ssl.SSLContext:
    """A context that verifies the server; raises OSError for a file that cannot be used."""
    made = ssl.create_default_context(cafile=ca or None)
    if cert:
        made.load_cert_chain(cert, key or None)
    return made


def read_nkey(path: Path) -> Signer:
    """The signer of a file that holds the seed of a user; raises CredentialsError."""
    return _signer(_text(path).strip(), "", path)


def read_creds(path: Path) -> Signer:
    """The signer of a credentials file: a JWT and a seed; raises CredentialsError."""
    found = _CREDS.search(_text(path))
    if found is None:
        raise CredentialsError(f"{path} has no complete JWT and seed of a NATS user")
    return _signer(found["seed"], found["jwt"], path)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES).decode("ascii")
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise CredentialsError(f"cannot read {path} ({reason})") from error
    except UnicodeDecodeError as error:
        raise CredentialsError(f"{path} is not a text file") from error


def _signer(seed: str, jwt: str, path: Path) -> Signer:
    # Imported here: it loads libsodium, which a log-in with a password does not need.
    import nkeys  # noqa: PLC0415

    if not _SEED.fullmatch(seed):
        raise CredentialsError(f"{path} holds no complete seed of a NATS user")
    package: Any = nkeys  # it has no types
    key = package.from_seed(bytearray(seed.encode()))
    return Signer(key.public_key.decode(), jwt, key)
