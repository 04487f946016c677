"""Logs in to MongoDB without sending the password, and with bounded work for the client."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from pymongo.asynchronous import auth
from pymongo.auth_shared import MongoCredential
from pymongo.errors import PyMongoError
from pymongo.saslprep import saslprep

from stt_shared.protocol.enums import Kind
from stt_worker.databases import tls
from stt_worker.databases.mongodb.wire import CommandError, Wire, WireError
from stt_worker.databases.network import where
from stt_worker.databases.port import Endpoint, InspectionError

EXTERNAL = "$external"  # the authentication source of client certificates
# Mechanisms that do not send the password, the preferred one first.
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-1")
MIN_ITERATIONS = 4_096  # RFC 7677: fewer make it easier to guess the password from the traffic
MAX_ITERATIONS = 1_000_000  # chosen by the server; 20 million take 10 s of CPU
_MAX_REPLY_BYTES = 65_536
_DIGITS = re.compile(rb"[0-9]{1,10}")


def check(endpoint: Endpoint) -> None:
    """Raise InspectionError (config) for a log-in that is impossible or not safe."""
    if endpoint.database == EXTERNAL:
        if endpoint.password:
            raise _refused(endpoint, f"authentication source {EXTERNAL} cannot use a password")
        if not tls.verifies(endpoint.tls):
            why = f"a client certificate requires a verified server, tls is {endpoint.tls.mode}"
            raise _refused(endpoint, why)
    elif endpoint.user and not endpoint.password:
        raise _refused(endpoint, f"no password for user {endpoint.user}")
    elif endpoint.password and not endpoint.user:
        raise _refused(endpoint, "a password without a user")
    try:
        f"{endpoint.user}{endpoint.password}{endpoint.database}".encode()
    except UnicodeError:  # without the error's text: it contains part of the password
        raise _refused(endpoint, "user, password or database are not text") from None


def _refused(endpoint: Endpoint, why: str) -> InspectionError:
    return InspectionError(Kind.CONFIG, f"{where(endpoint)}: {why}")


def greeting(endpoint: Endpoint) -> dict[str, str]:
    """Fields of the first command that request the mechanisms of the user."""
    if not endpoint.user or endpoint.database == EXTERNAL:
        return {}
    return {"saslSupportedMechs": f"{endpoint.database or 'admin'}.{endpoint.user}"}


async def log_in(wire: Wire, endpoint: Endpoint, pins: Mapping[str, Any], offered: object) -> None:
    """Log in; `offered` are the mechanisms in the server's greeting.

    `pins` are fields of every command. Raises InspectionError (auth), and what `Wire.ask` raises.
    """
    if endpoint.database == EXTERNAL:
        user = {"user": endpoint.user} if endpoint.user else {}
        words = {"authenticate": 1, "mechanism": "MONGODB-X509", **user, **pins}
        await wire.ask(EXTERNAL, words, _MAX_REPLY_BYTES)
    elif endpoint.user:
        await _by_password(wire, endpoint, pins, offered)


async def _by_password(
    wire: Wire, endpoint: Endpoint, pins: Mapping[str, Any], offered: object
) -> None:
    """Log in by the best mechanism of `offered`; by SCRAM-SHA-1 if the server offers nothing."""
    names = [str(one) for one in offered] if isinstance(offered, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    mechanism = next((one for one in SCRAM if one in names), "") if offered else SCRAM[-1]
    if not mechanism:
        offer = ", ".join(names) or "nothing readable"
        why = f"the server offers {offer} for the log-in, expected {SCRAM[0]}"
        raise InspectionError(Kind.AUTH, f"{where(endpoint)}: {why}")
    source = endpoint.database or "admin"
    credentials = MongoCredential(
        mechanism, source, endpoint.user, endpoint.password, None, _NothingKept()
    )
    if mechanism == SCRAM[0]:
        try:
            saslprep(endpoint.password)
        except ValueError as error:
            why = f"the password holds characters that SCRAM forbids ({error})"
            raise _refused(endpoint, why) from error
    conversation: Any = _Conversation(wire, pins)
    try:
        await auth.authenticate(credentials, conversation)
    except PyMongoError as error:
        raise InspectionError(Kind.AUTH, f"{where(endpoint)}: {error}") from error
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        # An edge: the driver parses answers of the server without checking them.
        raise WireError(f"malformed answer to the log-in: {error}") from error


class _NothingKept:
    """An empty cache of keys, so that the driver keeps nothing derived from the password."""

    data: Any = None


class _Conversation:
    """The part of a connection that the driver's SCRAM code uses."""

    auth_ctx = None

    def __init__(self, wire: Wire, pins: Mapping[str, Any]) -> None:
        self._wire, self._pins = wire, pins

    async def command(self, source: str, words: MutableMapping[str, Any]) -> dict[str, Any]:
        """Send a command; the first answer determines how much work the driver does.

        Raises WireError, CommandError, and what `Wire.ask` raises.
        """
        reply = await self._wire.ask(source, {**words, **self._pins}, _MAX_REPLY_BYTES)
        payload: object = reply.get("payload")
        # Checked here: the driver calls `bytes`, which makes n zeros of a number n.
        if not isinstance(payload, bytes):
            raise WireError("malformed answer to the log-in: no payload")
        if "saslStart" in words:
            asked = [one[2:] for one in payload.split(b",") if one.startswith(b"i=")]
            if len(asked) != 1 or not _DIGITS.fullmatch(asked[0]):
                raise WireError("malformed answer to the log-in: no number of iterations")
            number = int(asked[0])
            # Before the driver computes them: the server chooses the number.
            if not MIN_ITERATIONS <= number <= MAX_ITERATIONS:
                limits = f"accepted are {MIN_ITERATIONS} to {MAX_ITERATIONS}"
                raise CommandError(0, f"the server requests {number} SCRAM iterations, {limits}")
        return reply
