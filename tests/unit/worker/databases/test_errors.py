"""What drivers say becomes the kind that operators act on."""

from __future__ import annotations

import ssl

import psycopg
import pytest
from pymysql import err

from stt_shared.protocol.enums import Kind
from stt_worker.databases.mongodb import errors as mongodb_errors
from stt_worker.databases.mongodb.wire import CommandError, TooLargeError, WireError
from stt_worker.databases.mysql import errors as mysql_errors
from stt_worker.databases.postgresql import errors as postgresql_errors


def tls_error(reason: str) -> ssl.SSLError:
    """As OpenSSL's are made; the constructor alone knows no reason."""
    error = ssl.SSLError(1, f"[SSL: {reason}] (_ssl.c:1006)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1045, Kind.AUTH),
        (1698, Kind.AUTH),
        (1130, Kind.AUTH),
        (3118, Kind.AUTH),
        (2026, Kind.TLS),
        (3159, Kind.TLS),
        (1044, Kind.NO_PRIVILEGE),
        (1049, Kind.CONFIG),
        (1040, Kind.UNREACHABLE),
        (2003, Kind.UNREACHABLE),
        (2013, Kind.UNREACHABLE),
    ],
)
def test_mysql_connection_errors(code: int, kind: Kind) -> None:
    found = mysql_errors.of_connection(err.OperationalError(code, "words"))
    assert (found.kind, found.reason) == (kind, f"words (error {code})")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1142, Kind.NO_PRIVILEGE),
        (1143, Kind.NO_PRIVILEGE),
        (1227, Kind.NO_PRIVILEGE),
        (3024, Kind.TIMEOUT),
        (1969, Kind.TIMEOUT),
        (1205, Kind.TIMEOUT),
        (1054, Kind.QUERY),
        (1792, Kind.QUERY),
        (2013, Kind.UNREACHABLE),
    ],
)
def test_mysql_question_errors(code: int, kind: Kind) -> None:
    assert mysql_errors.of_question(err.OperationalError(code, "words")).kind is kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ('FATAL:  password authentication failed for user "x"', Kind.AUTH),
        ('FATAL:  role "x" does not exist', Kind.AUTH),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "x", no encryption', Kind.AUTH),
        ("fe_sendauth: no password supplied", Kind.AUTH),
        ('FATAL:  database "x" does not exist', Kind.CONFIG),
        ('FATAL:  permission denied for database "x"', Kind.NO_PRIVILEGE),
        ("FATAL:  sorry, too many clients already", Kind.UNREACHABLE),
        ("FATAL:  the database system is starting up", Kind.UNREACHABLE),
        ("server does not support SSL, but SSL was required", Kind.TLS),
        ("SSL error: certificate verify failed", Kind.TLS),
        ('server certificate for "a" does not match host name "b"', Kind.TLS),
        ('private key file "k" has group or world access', Kind.CONFIG),
        ("Connection refused", Kind.UNREACHABLE),
        ("server closed the connection unexpectedly", Kind.UNREACHABLE),
    ],
)
def test_postgresql_connection_errors(words: str, kind: Kind) -> None:
    prefix = 'connection failed: connection to server at "h", port 5432 failed: '
    found = postgresql_errors.of_connection(psycopg.OperationalError(prefix + words), "h:5432")
    assert found.kind is kind
    assert "connection to server" not in found.reason


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.InsufficientPrivilege("x"), Kind.NO_PRIVILEGE),
        (psycopg.errors.QueryCanceled("x"), Kind.TIMEOUT),
        (psycopg.errors.LockNotAvailable("x"), Kind.TIMEOUT),
        (psycopg.errors.UndefinedColumn("x"), Kind.QUERY),
        (psycopg.errors.ReadOnlySqlTransaction("x"), Kind.QUERY),
        (psycopg.errors.AdminShutdown("x"), Kind.UNREACHABLE),
        (psycopg.OperationalError("the connection is lost"), Kind.UNREACHABLE),
    ],
)
def test_postgresql_question_errors(error: psycopg.Error, kind: Kind) -> None:
    assert postgresql_errors.of_question(error).kind is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CommandError(13, "no"), Kind.NO_PRIVILEGE),
        (CommandError(18, "no"), Kind.AUTH),
        (CommandError(50, "no"), Kind.TIMEOUT),
        (CommandError(76, "no"), Kind.QUERY),
        (CommandError(498870, "no"), Kind.SESSION),
        (CommandError(11600, "no"), Kind.UNREACHABLE),
        (TooLargeError("no"), Kind.TOO_LARGE),
        (WireError("no"), Kind.QUERY),
        (EOFError("closed"), Kind.UNREACHABLE),
    ],
)
def test_mongodb_question_errors(error: Exception, kind: Kind) -> None:
    assert mongodb_errors.of_question(error).kind is kind


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (ConnectionResetError(104, "as asyncio says"), Kind.UNREACHABLE, "Connection reset"),
        (EOFError("the server closed"), Kind.UNREACHABLE, "h:1: the server closed"),
        (tls_error("NO_WAY"), Kind.TLS, "no way"),
        (CommandError(18, "no"), Kind.AUTH, "no"),
        (CommandError(17, "no"), Kind.AUTH, "no"),
        (CommandError(91, "no"), Kind.UNREACHABLE, "no"),
        (WireError("no MongoDB server"), Kind.UNREACHABLE, "h:1: no MongoDB server"),
    ],
)
def test_mongodb_connection_errors(error: Exception, kind: Kind, reason: str) -> None:
    found = mongodb_errors.of_connection(error, "h:1")
    assert found.kind is kind
    assert reason in found.reason
