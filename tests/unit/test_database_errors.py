"""What drivers say becomes the kind that operators act on."""

from __future__ import annotations

import psycopg
import pytest
from pymongo import errors as mongo
from pymysql import err

from stt_shared.protocol.words import Kind
from stt_worker.databases import mongodb_errors, mysql_errors, postgresql_errors


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
        (mongo.OperationFailure("no", 13), Kind.NO_PRIVILEGE),
        (mongo.OperationFailure("no", 18), Kind.AUTH),
        (mongo.OperationFailure("no", 50), Kind.TIMEOUT),
        (mongo.OperationFailure("no", 76), Kind.QUERY),
        (mongo.OperationFailure("no", 11600), Kind.UNREACHABLE),
        (mongo.NetworkTimeout("timed out"), Kind.TIMEOUT),
        (mongo.AutoReconnect("connection closed"), Kind.UNREACHABLE),
    ],
)
def test_mongodb_question_errors(error: mongo.PyMongoError, kind: Kind) -> None:
    assert mongodb_errors.of_question(error).kind is kind


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (
            mongo.AutoReconnect("h:1: [Errno 111] Connect call failed (configured timeouts: x)"),
            Kind.UNREACHABLE,
            "h:1 is not reachable: Connection refused",
        ),
        (
            mongo.AutoReconnect("h:1: [Errno -2] Name or service not known"),
            Kind.UNREACHABLE,
            "h:1 is not reachable: Name or service not known",
        ),
        (
            mongo.AutoReconnect(
                "SSL handshake failed: h:1: [SSL: CERTIFICATE_VERIFY_FAILED]"
                " certificate verify failed: certificate has expired (_ssl.c:1006)"
            ),
            Kind.TLS,
            "certificate verify failed: certificate has expired",
        ),
        (mongo.OperationFailure("no", 18), Kind.AUTH, "no (error 18)"),
        (mongo.OperationFailure("no", 17), Kind.AUTH, "no (error 17)"),
        (mongo.OperationFailure("no", 91), Kind.UNREACHABLE, "no (error 91)"),
        (
            ValueError("bad length"),
            Kind.UNREACHABLE,
            "what answers is no MongoDB server: bad length",
        ),
    ],
)
def test_mongodb_connection_errors(error: Exception, kind: Kind, reason: str) -> None:
    found = mongodb_errors.of_connection(error, "h:1")
    assert (found.kind, found.reason) == (kind, reason)
