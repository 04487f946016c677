"""Opens a connection to PostgreSQL by the endpoint alone, not by environment or files."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection

from stt_shared.protocol.enums import Kind
from stt_worker.databases import hosts, network, tls
from stt_worker.databases.network import where
from stt_worker.databases.port import Endpoint, InspectionError, Limits
from stt_worker.databases.postgresql import errors
from stt_worker.databases.postgresql.tls import tls_options
from stt_worker.databases.postgresql.values import Context

DEFAULT_DATABASE = "postgres"
MIN_TIMEOUT_S = 2  # of libpq's own time-out, a fallback below ours
# A path that cannot exist, so that libpq reads no file, not even in the user's home.
NO_FILE = "/dev/null/none"
# Variables that libpq reads and no option can override.
ENVIRONMENT = (
    *("PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR"),
    *("PGDATESTYLE", "PGTZ", "PGGEQO", "PGLOCALEDIR", "PGOAUTHDEBUG"),
)
# In effect before a login trigger runs, and after an error, which rolls back the transaction's
# settings. Not read-only: the login trigger may write, as it does for every other log-in.
EARLY_PINS = {
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "60s",
    "local_preload_libraries": "",
    "search_path": "pg_catalog,pg_temp",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read\\ committed",
}
Early = Sequence[Mapping[str, str]]
EARLY: Early = (EARLY_PINS,)
# Known from releases 14 and 17 on; used if the session ended before it could be pinned.
IDLE = {"idle_session_timeout": "0"}
EARLIER: Early = (
    EARLY_PINS | IDLE | {"transaction_timeout": "0"},
    EARLY_PINS | IDLE,
    EARLY_PINS,
)
_SOCKET = re.compile(r"^(?P<folder>.*)/\.s\.PGSQL\.(?P<port>\d+)$")

Connection = AsyncConnection[tuple[object, ...]]


async def connect(endpoint: Endpoint, limits: Limits, early: Early = EARLY) -> Connection:
    """A connection in autocommit mode; raises InspectionError within `connect_s`.

    `early` are alternatives of settings in the first packet, tried until the server and the pooler
    accept one; the last attempt has no settings.
    """
    # Before each connection: libpq reads these variables itself, whatever the options are.
    for name in ENVIRONMENT:
        os.environ.pop(name, None)
    parameters = options(endpoint, limits)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limits.connect_s):
            if not endpoint.socket:
                # Resolved here: libpq would give each address of the name the whole time limit.
                parameters["hostaddr"] = await network.address(endpoint, limits.connect_s)
            for settings in early:
                words = " ".join(f"-c {name}={value}" for name, value in settings.items())
                try:
                    return await _log_in(parameters | {"options": words}, endpoint)
                except InspectionError as error:
                    if not errors.refuses_options(error.reason):
                        raise
            return await _log_in(parameters, endpoint)
    # Raised outside the handler: as context it would keep the attempt's socket open.
    why = f"{where(endpoint)}: no answer to the log-in within {limits.connect_s:g} s"
    raise InspectionError(Kind.UNREACHABLE, why)


def options(endpoint: Endpoint, limits: Limits) -> dict[str, Any]:
    """Every option of libpq that its environment or a file could set.

    Raises InspectionError (config).
    """
    return {
        **_address(endpoint),
        **tls_options(endpoint),
        "user": endpoint.user,
        "password": endpoint.password,
        "passfile": NO_FILE,
        "dbname": endpoint.database or DEFAULT_DATABASE,
        "application_name": endpoint.application,
        "fallback_application_name": "",
        "client_encoding": "UTF8",
        "connect_timeout": max(MIN_TIMEOUT_S, math.ceil(limits.connect_s)),
        "options": "",
        "replication": "",
        "min_protocol_version": "3.0",
        "max_protocol_version": "3.0",
        "keepalives": 1,
        **dict.fromkeys(
            ("oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope"), ""
        ),
        "gssencmode": "disable",
        "gssdelegation": "0",
        "gsslib": "",
        "krbsrvname": "",
    }


async def _log_in(parameters: dict[str, Any], endpoint: Endpoint) -> Connection:
    try:
        return await AsyncConnection.connect(
            "", autocommit=True, context=Context(), prepare_threshold=None, **parameters
        )
    except psycopg.OperationalError as error:
        found = errors.of_connection(error, where(endpoint))
        if found.kind is Kind.TLS:
            asked = tls.asked(endpoint.tls, endpoint.host)
            found = InspectionError(Kind.TLS, f"{asked}: {found.reason}")
        raise found from error
    except (psycopg.Error, ValueError) as error:
        # The driver cannot encode the host name, the user or the password.
        raise InspectionError(Kind.CONFIG, f"{where(endpoint)}: {error}") from error


def _address(endpoint: Endpoint) -> dict[str, Any]:
    # Without these libpq would use PGHOSTADDR of the environment in place of the host.
    no_defaults = {"hostaddr": "", "load_balance_hosts": "disable", "target_session_attrs": "any"}
    if not endpoint.socket:
        hosts.check(endpoint)  # libpq reads some texts as a folder or a list of hosts
        return {"host": endpoint.host, "port": endpoint.port, **no_defaults}
    if "," in endpoint.socket:
        raise InspectionError(
            Kind.CONFIG, f"the path of the socket {endpoint.socket!r} contains a comma"
        )
    named = _SOCKET.match(endpoint.socket)
    if named is None:
        return {"host": endpoint.socket, "port": endpoint.port, **no_defaults}
    return {"host": named["folder"], "port": int(named["port"]), **no_defaults}
