"""What an error of PostgreSQL means for the store: wait, or have a setting or a right corrected."""

from __future__ import annotations

import psycopg
from psycopg import errors

from stt_coordinator.store.port import (
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from stt_coordinator.store.postgresql.address import Address
from stt_shared.errors import ConfigError

_HOLDERS = (
    "find the session that holds it: SELECT pid, usename, application_name FROM pg_stat_activity"
    " JOIN pg_locks USING (pid) WHERE locktype = 'advisory' AND granted; and end it with:"
    " SELECT pg_terminate_backend(PID)"
)
_ERRORS: tuple[tuple[type[psycopg.Error], type[StoreError], str], ...] = (
    (errors.DiskFull, StoreFullError, "make room on the server's disk; no result is lost"),
    (errors.ReadOnlySqlTransaction, StoreReadOnlyError, "name the primary server, not a standby"),
    (errors.InsufficientPrivilege, StoreReadOnlyError, "let the coordinator's role own the schema"),
    (errors.LockNotAvailable, StoreBusyError, _HOLDERS),
)
_STATEMENT_MODE = "transaction blocks not allowed"  # PgBouncer, which ends the session as well
_ENDED = ("57P", "08")  # of the codes: by an administrator or a crash; errors of connections
# Answers of a server that a later attempt may mend. libpq passes on texts, no codes.
_LATER = (
    "starting up",
    "shutting down",
    "in recovery",
    "not yet accepting connections",
    "not accepting connections",
    "too many",
    "connection slots",
    "session is read-only",
    "session is not read-only",
    "failed to resolve host",
    "Connection refused",
    "No route to host",
    "Network is unreachable",
    "timeout expired",
    "server closed the connection",
    "Connection reset",
    "unexpected eof",  # of TLS: the server or the way to it broke
    "EOF detected",
)
# What is wrong by the text of libpq or of the server, and what to do about it.
_WRONG = (
    ("certificate verify failed", "give the CA of the server: &sslrootcert=/PATH/ca.pem"),
    ("does not match host name", "connect by a name that the certificate of the server contains"),
    ("root certificate file", "give the CA of the server: &sslrootcert=/PATH/ca.pem"),
    ("server does not support SSL", "turn TLS on at the server: ssl = on"),
    ("SSL error", "compare the TLS settings of the address and the server"),
    ("no pg_hba.conf entry", "let the host and the user in: pg_hba.conf of the server"),
    ("pg_hba.conf rejects", "let the host and the user in: pg_hba.conf of the server"),
    ("password authentication failed", "correct coordinator.store_password, or the user's name"),
    ("no password supplied", "set coordinator.store_password, for example to file:/PATH"),
    # Not those of LDAP, PAM and RADIUS, which also mean that their server is away.
    ("Peer authentication failed", "correct the user in coordinator.store"),
    ("Ident authentication failed", "correct the user in coordinator.store"),
    ("certificate authentication failed", "correct the user in coordinator.store"),
    ("unsupported startup parameter", "connect to PostgreSQL itself, not through a pooler"),
    ("does not exist", "create it on the server (CREATE ROLE, CREATE DATABASE), or correct it"),
    ("is not permitted to log in", "let the role log in: ALTER ROLE ... LOGIN"),
    ("permission denied for database", "let the role connect: GRANT CONNECT ON DATABASE ... TO"),
    ("invalid sslmode value", "correct coordinator.store"),
    ("invalid port number", "correct coordinator.store"),
    ("invalid integer value", "correct coordinator.store"),
)


def store_error(address: Address, error: psycopg.Error) -> StoreError:
    """The error as users of the store get it; never with a password."""
    reason = reason_of(error)
    for kind, raised, hint in _ERRORS:
        if isinstance(error, kind):
            return raised(f"cannot use the store {address.place} ({reason})", hint=hint)
    return StoreError(f"cannot use the store {address.place} ({reason})")


def reason_of(error: psycopg.Error) -> str:
    """What the server or libpq says, in one line."""
    return " ".join((error.diag.message_primary or str(error)).split())


def refusal(address: Address, error: psycopg.Error) -> ConfigError | None:
    """The error of a wrong setting or a missing right; None if a later attempt may succeed."""
    reason = reason_of(error)
    text = f"cannot use the store {address.place} ({reason})"
    if isinstance(error, errors.InsufficientPrivilege):
        role = address.parameters.get("user", "ROLE")
        hint = (
            f"let the role make its schema: GRANT CREATE ON DATABASE {address.database} TO {role};"
            f" or own one: CREATE SCHEMA {address.schema} AUTHORIZATION {role}"
        )
        return ConfigError(text, hint=hint)
    if _STATEMENT_MODE in reason:
        hint = "let the pooler give each session its own (PgBouncer: pool_mode = session)"
        return ConfigError(text, hint=hint)
    if not isinstance(error, psycopg.OperationalError):
        # Without a code it is the address that libpq cannot read; with one, tables are damaged.
        return ConfigError(text, hint="" if error.sqlstate else "correct coordinator.store")
    if error.sqlstate is not None or any(known in reason for known in _LATER):
        return None
    for known, hint in _WRONG:
        if known in reason:
            return ConfigError(text, hint=hint)
    return None


def is_unreachable(error: psycopg.Error) -> bool:
    """Whether the server does not answer, or has ended the session; not an error of a statement."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_ENDED)
