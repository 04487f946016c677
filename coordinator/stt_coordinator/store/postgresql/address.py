"""Where a PostgreSQL store is: the parameters of its connections, from its URL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

import psycopg
from psycopg.conninfo import conninfo_to_dict

from stt_shared.errors import ConfigError

SCHEMES = ("postgresql://", "postgres://")
APPLICATION = "stt-coordinator"  # of the sessions of a coordinator, unless its URL says another
CONNECT_S = 10  # to one host
DEAD_PEER_MS = 20_000  # without an answer to what was sent, a connection counts as broken
PROBE_S, PROBES = 5, 3  # between probes of a connection on which nothing is sent, and how many
IDLE_IN_TRANSACTION_MS = 10_000
LOCK_MS = 15_000  # longer than a transaction of another process may be idle
STATEMENT_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Connection parameters of libpq, and `place`: the URL without user, password and options."""

    place: str
    hosts: tuple[str, ...]
    database: str
    schema: str
    settings: dict[str, str]  # of every session
    parameters: dict[str, str | int] = field(repr=False)  # with the password


def address_of(url: str, schema: str) -> Address:
    """The address in `url`; raises ConfigError, which never contains the URL.

    TLS with a verified certificate is the default, but not for loopback and Unix sockets.
    """
    try:
        written = conninfo_to_dict(url)
    except psycopg.Error:
        # Without its cause: libpq repeats parts of the URL, which may be the password.
        raise ConfigError("the URL of the store is not a valid postgresql:// URL") from None
    given = {key: value for key, value in written.items() if value is not None}
    hosts = str(given.get("host") or given.get("hostaddr", "")).split(",")
    database = given.get("dbname", given.get("user", ""))
    return Address(
        place=f"postgresql://{_named(hosts, str(given.get('port', '')))}/{database}",
        hosts=tuple(hosts),
        database=str(database),
        schema=schema,
        settings=_settings(schema),
        parameters={**_defaults(given), **given, "options": _options(given, schema)},
    )


def _named(hosts: list[str], port: str) -> str:
    """The hosts with the ports that the URL gives them: one for all, or each its own."""
    ports = port.split(",") if "," in port else [port] * len(hosts)
    shown = [f"[{host}]" if ":" in host else host for host in hosts]
    pairs = zip(shown, ports, strict=False)
    return ",".join(f"{host}:{number}" if number else host for host, number in pairs)


def _defaults(given: dict[str, str | int]) -> dict[str, str | int]:
    """What holds unless the URL says otherwise."""
    found: dict[str, str | int] = {
        "application_name": APPLICATION,
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": DEAD_PEER_MS,
        # A session that waits for an answer sends nothing: probes find out that its peer is gone.
        "keepalives_idle": PROBE_S,
        "keepalives_interval": PROBE_S,
        "keepalives_count": PROBES,
        # Of several hosts the primary: a standby refuses every write.
        "target_session_attrs": "read-write",
    }
    if "sslmode" not in given and not _is_on_this_machine(given, os.environ):
        found["sslmode"] = "verify-full"
        if "sslrootcert" not in given:
            found["sslrootcert"] = "system"
    return found


def _is_on_this_machine(given: Mapping[str, str | int], environ: Mapping[str, str]) -> bool:
    """Whether the connection stays on this machine, wherever libpq takes its host from."""
    if "service" in given or "PGSERVICE" in environ:
        return False  # its file may give another host or address
    names = str(given.get("host") or environ.get("PGHOST", ""))
    # libpq connects to the address and only compares the certificate with the host.
    addresses = str(given.get("hostaddr") or environ.get("PGHOSTADDR", ""))
    return all(map(_is_local, [*names.split(","), *addresses.split(",")]))


def _is_local(host: str) -> bool:
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def search_path(schema: str) -> str:
    """Where the sessions of the store look for tables and functions."""
    return f"{schema},pg_catalog,pg_temp"


def _options(given: dict[str, str | int], schema: str) -> str:
    """The settings of every session, sent with the log-in."""
    ours = [f"-c {name}={value}" for name, value in _settings(schema).items()]
    return " ".join([str(given.get("options", "")), *ours]).strip()


def _settings(schema: str) -> dict[str, str]:
    settings: dict[str, str | int] = {
        # Ours first: what is created goes there. Last pg_temp, which anybody may fill.
        "search_path": search_path(schema),
        # A coordinator stopped inside a transaction would hold all others up until it is continued.
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
        "lock_timeout": LOCK_MS,
        "statement_timeout": STATEMENT_MS,
        # For the server's end: it waits without any timeout while it sends to a coordinator that
        # was stopped, in a transaction that keeps its locks. Without effect on Unix sockets.
        "tcp_user_timeout": DEAD_PEER_MS,
        "tcp_keepalives_idle": PROBE_S,
        "tcp_keepalives_interval": PROBE_S,
        "tcp_keepalives_count": PROBES,
    }
    return {name: str(value) for name, value in settings.items()}
