"""Opens a connection to PostgreSQL by what the endpoint says, and by nothing else around."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import ssl
from pathlib import Path
from typing import Any

import psycopg
from psycopg import AsyncConnection

from stt_shared.protocol.words import Kind
from stt_worker.databases import network, postgresql_errors, tls
from stt_worker.databases.network import where
from stt_worker.databases.port import Endpoint, Limits, LookError, Tls
from stt_worker.databases.postgresql_values import Context

DEFAULT_DATABASE = "postgres"
MIN_TIMEOUT_S = 2  # of libpq's own time-out, the net below ours
# Below a file no file can be: libpq finds none there, and leaves those of the user's home alone.
NO_FILE = "/dev/null/none"
_SOCKET = re.compile(r"^(?P<folder>.*)/\.s\.PGSQL\.(?P<port>\d+)$")

Connection = AsyncConnection[tuple[object, ...]]


async def connect(endpoint: Endpoint, limits: Limits) -> Connection:
    """A connection in autocommit mode; raises LookError within `connect_s`."""
    parameters = _address(endpoint) | _tls(endpoint) | _session(endpoint, limits)
    with contextlib.suppress(TimeoutError):
        return await _connect(parameters, endpoint, limits)
    # Outside of the handler: the interrupted attempt, and its socket, live as long as its error.
    why = f"{where(endpoint)}: no answer to the log-in within {limits.connect_s:g} s"
    raise LookError(Kind.UNREACHABLE, why)


async def _connect(parameters: dict[str, Any], endpoint: Endpoint, limits: Limits) -> Connection:
    try:
        async with asyncio.timeout(limits.connect_s):
            if not endpoint.socket:
                # libpq would try one address after another, each for the whole time.
                parameters["hostaddr"] = await network.address(endpoint, limits.connect_s)
            return await AsyncConnection.connect(
                "", autocommit=True, context=Context(), prepare_threshold=None, **parameters
            )
    except psycopg.OperationalError as error:
        raise _explained(error, endpoint) from error
    except (psycopg.Error, ValueError) as error:
        # A host name, a user or a password that the driver cannot even write down.
        raise LookError(Kind.CONFIG, f"{where(endpoint)}: {error}") from error


def _explained(error: psycopg.OperationalError, endpoint: Endpoint) -> LookError:
    found = postgresql_errors.of_connection(error, where(endpoint))
    if found.kind is not Kind.TLS:
        return found
    return LookError(Kind.TLS, f"{tls.asked(endpoint.tls, endpoint.host)}: {found.reason}")


def _address(endpoint: Endpoint) -> dict[str, Any]:
    if not endpoint.socket:
        # An address of its own in the environment would be taken in place of the host's.
        return {"host": endpoint.host, "hostaddr": "", "port": endpoint.port}
    named = _SOCKET.match(endpoint.socket)
    if named is None:
        return {"host": endpoint.socket, "port": endpoint.port}
    return {"host": named["folder"], "port": int(named["port"])}


def _session(endpoint: Endpoint, limits: Limits) -> dict[str, Any]:
    return {
        "user": endpoint.user,
        "password": endpoint.password,
        "dbname": endpoint.database or DEFAULT_DATABASE,
        "application_name": endpoint.application,
        "client_encoding": "UTF8",
        "connect_timeout": max(MIN_TIMEOUT_S, math.ceil(limits.connect_s)),
        "gssencmode": "disable",
        "passfile": NO_FILE,
        "options": "",
        "target_session_attrs": "any",
    }


def _tls(endpoint: Endpoint) -> dict[str, Any]:
    wanted = endpoint.tls
    if endpoint.socket:
        return {"sslmode": "disable"}
    if wanted.mode == tls.OFF:
        # Whoever answers on that port could be after the password: never hand it over as it is.
        return {"sslmode": "disable", "require_auth": "!password"}
    return {
        "sslmode": wanted.mode,
        "sslrootcert": _authorities(wanted),
        "sslcert": wanted.cert or NO_FILE,
        "sslkey": wanted.key or wanted.cert or NO_FILE,
        "sslcertmode": "allow" if wanted.cert else "disable",
    }


def _authorities(wanted: Tls) -> str:
    if wanted.mode not in tls.VERIFYING:
        return NO_FILE  # a root.crt in the user's home would turn `require` into `verify-ca`
    paths = ssl.get_default_verify_paths()
    for path in (wanted.ca, paths.cafile, paths.openssl_cafile):
        if path and Path(path).is_file():
            return path
        if path == wanted.ca and path:
            raise LookError(Kind.CONFIG, f"TLS file {path} of the target: no such file")
    raise LookError(Kind.CONFIG, "the system has no list of trusted authorities, name one (ca)")
