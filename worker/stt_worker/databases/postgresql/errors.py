"""Maps errors of PostgreSQL, libpq and psycopg to kinds and reasons."""

from __future__ import annotations

import re

import psycopg

from stt_shared.protocol.enums import Kind
from stt_worker.databases.bounds import too_much_memory
from stt_worker.databases.port import Failure, InspectionError

_NO_PRIVILEGE = frozenset({"42501"})
_TIMEOUT = frozenset({"57014", "55P03", "25P03", "57P05"})
_LOST = ("08", "57P0")  # connection exceptions; the server shuts down
# Settings of the server, or a login trigger, ended the session.
_ENDED = re.compile(r"due to (?:transaction|statement|lock|idle-[a-z-]+) timeout|57P05|25P04")
_SESSION = re.compile(
    r"in a read-only transaction|during recovery|event trigger|could not access file"
)
_NO_TRANSACTION = re.compile(r"transaction blocks not allowed|statement pooling")
_NO_OPTIONS = re.compile(r"(?i)startup (?:parameter|option|packet)|configuration parameter")
# By text: libpq does not return the SQLSTATE of a failed log-in.
_NO_MEMORY = re.compile(r"cannot allocate memory|out of memory")
# The peer closed the connection during or after the TLS handshake; not an error of TLS.
_GONE = re.compile(
    r"SSL connection has been closed unexpectedly|SSL error: unexpected eof"
    r"|SSL SYSCALL error: (?:EOF|Success|Connection|Broken)"
)
_METHOD = re.compile(r"authentication method requirement")
_METHOD_HINT = "; encrypt the connection and verify the server (tls = verify-full)"
_TLS = re.compile(r"\bSSL\b|certificate|TLS", re.IGNORECASE)
_FILE = re.compile(r"private key file|root certificate file|could not load|could not read")
_NO_DATABASE = re.compile(r'database ".*" does not exist')
_NO_CONNECT = re.compile(r"permission denied for database")
_AUTH = re.compile(
    r"authentication failed|no password supplied|role \".*\" does not exist|no pg_hba.conf entry"
    r"|pg_hba.conf rejects|not permitted to log in|authentication method requirement|"
    r"password|SASL|SCRAM"
)
_BUSY = re.compile(
    r"too many (?:clients|connections)|remaining connection slots|starting up|shutting down"
    r"|recovery mode|not yet accepting"
)
# In this order: the first that matches counts, and later patterns are wider.
_KINDS = (
    (_BUSY, Kind.UNREACHABLE),
    (_GONE, Kind.UNREACHABLE),
    (_SESSION, Kind.SESSION),
    (_ENDED, Kind.SESSION),
    (_NO_DATABASE, Kind.CONFIG),
    (_NO_CONNECT, Kind.NO_PRIVILEGE),
    (_AUTH, Kind.AUTH),
    (_FILE, Kind.CONFIG),
    (_TLS, Kind.TLS),
)
_PREFIX = re.compile(r"^(?:connection (?:failed|is bad): )?(?:connection to server .*? failed: )?")


def format_error(error: psycopg.Error) -> str:
    """The error of the server with its code, or of libpq, in one line."""
    primary = error.diag.message_primary
    if primary:
        return f"{primary} (SQLSTATE {error.sqlstate})"
    words = " ".join(str(error).split())
    return _PREFIX.sub("", words) or type(error).__name__


def of_question(error: psycopg.Error) -> Failure:
    """The failure of a question."""
    state = error.sqlstate or ""
    if _NO_TRANSACTION.search(str(error)):
        why = "a pooler in statement mode allows no transactions, so settings cannot be pinned"
        return Failure(kind=Kind.SESSION, reason=f"{why}: {format_error(error)}")
    if state in _NO_PRIVILEGE:
        return Failure(kind=Kind.NO_PRIVILEGE, reason=format_error(error))
    if state in _TIMEOUT:
        return Failure(kind=Kind.TIMEOUT, reason=format_error(error))
    if not state and _NO_MEMORY.search(str(error)):
        return too_much_memory()
    # An error without a code comes from libpq: the connection is lost.
    lost = state.startswith(_LOST) or (not state and isinstance(error, psycopg.OperationalError))
    return Failure(kind=Kind.UNREACHABLE if lost else Kind.QUERY, reason=format_error(error))


def of_connection(error: psycopg.Error, where: str) -> InspectionError:
    """The error of a failed log-in."""
    words = format_error(error)
    # A server with messages in another language, which rejects right after the password.
    rejected = bool(error.pgconn and error.pgconn.used_password) and "FATAL" in words
    otherwise = Kind.AUTH if rejected else Kind.UNREACHABLE
    kind = next((kind for pattern, kind in _KINDS if pattern.search(words)), otherwise)
    reason = f"{where}: {words}" if kind is Kind.UNREACHABLE else words
    reason += _METHOD_HINT if _METHOD.search(words) else ""
    return InspectionError(kind, reason)


def ended_by_setting(words: str) -> bool:
    """Whether a setting of the server ended the session."""
    return bool(_ENDED.search(words))


def refuses_options(words: str) -> bool:
    """Whether a pooler or the server rejected the settings in the first packet."""
    return bool(_NO_OPTIONS.search(words))
