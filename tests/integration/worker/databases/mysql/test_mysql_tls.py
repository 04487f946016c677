"""MySQL and MariaDB: each mode of TLS does what it says, and a file of it is read again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stt_coordinator.local.servers import mysql as embedded_mysql
from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mysql.connection import Connection
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.port import Endpoint, Limits, Tls
from stt_worker.databases.tls import Contexts
from tests.servers.certificates import Certificates
from tests.servers.fixtures import serving
from tests.support.worker.database_subjects import endpoint_of
from tests.support.worker.mysql_questions import BOTH, ask, make_user, refusal, rows


@pytest.fixture(scope="module")
def wrong_name(servers_folder: Path, certificates: Certificates) -> Iterator[Running]:
    """A server whose certificate is another host's."""

    def start() -> Running:
        tls = (certificates.wrong_cert, certificates.wrong_key, certificates.ca)
        found = embedded_mysql.find_mariadb()
        return embedded_mysql.start(found, servers_folder / "mariadb-wrong", tls=tls)

    with serving("MariaDB", start) as running:
        yield running


@BOTH
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_each_mode_of_tls_encrypts(
    server: Running, database: MysqlDatabase, certificates: Certificates, mode: str
) -> None:
    ca = "" if mode == "require" else str(certificates.ca)
    plain = endpoint_of(server, Family.MYSQL)
    # Over TLS that is not verified nobody gets the password: MySQL must remember it.
    assert await rows(database, plain, "1 AS one") == [{"one": 1}]
    endpoint = replace(plain, tls=Tls(mode=mode, ca=ca))
    question = Question(type=QueryType.MYSQL_SHOW, text="STATUS LIKE 'Ssl_cipher'")
    (answer,) = (await ask(database, endpoint, question)).values()
    assert isinstance(answer, list)
    assert answer[0]["Value"]


async def test_without_tls_nothing_is_encrypted(mariadb: Running, database: MysqlDatabase) -> None:
    endpoint = endpoint_of(mariadb, Family.MYSQL)
    question = Question(type=QueryType.MYSQL_SHOW, text="STATUS LIKE 'Ssl_cipher'")
    answers = await ask(database, endpoint, question)
    assert answers[question] == [{"Variable_name": "Ssl_cipher", "Value": ""}]


@BOTH
async def test_an_unknown_authority_is_a_tls_error(
    server: Running, database: MysqlDatabase, certificates: Certificates
) -> None:
    for tls in (Tls(), Tls(ca=str(certificates.other_ca)), Tls(mode="verify-ca")):
        error = await refusal(database, replace(endpoint_of(server, Family.MYSQL), tls=tls))
        assert error.kind is Kind.TLS
        assert "self-signed certificate in certificate chain" in error.reason
        assert "from test CA" in error.reason


async def test_a_name_mismatch_says_what_was_asked_and_what_was_found(
    wrong_name: Running, database: MysqlDatabase, certificates: Certificates
) -> None:
    endpoint = replace(endpoint_of(wrong_name, Family.MYSQL), tls=Tls(ca=str(certificates.ca)))
    error = await refusal(database, endpoint)
    assert error.kind is Kind.TLS
    assert "verify-full requires a certificate" in error.reason
    assert (
        "for 127.0.0.1; the server sent a certificate for elsewhere.example from test CA"
        in error.reason
    )
    without_name = replace(endpoint, tls=Tls(mode="verify-ca", ca=str(certificates.ca)))
    assert await rows(database, without_name, "1 AS one") == [{"one": 1}]


async def test_a_server_without_tls_is_a_tls_error(
    servers_folder: Path, database: MysqlDatabase
) -> None:
    def start() -> Running:
        found = embedded_mysql.find_mariadb()
        return embedded_mysql.start(found, servers_folder / "mariadb-plain", extra=["--skip-ssl"])

    with serving("MariaDB", start) as running:
        tls = Tls(mode="require")
        error = await refusal(database, replace(endpoint_of(running, Family.MYSQL), tls=tls))
    assert error.kind is Kind.TLS
    assert "doesn't support it" in error.reason


@BOTH
async def test_a_client_certificate_is_shown_where_it_is_asked_for(
    server: Running, database: MysqlDatabase, certificates: Certificates
) -> None:
    make_user(server, "certified", "IDENTIFIED BY 'x' REQUIRE X509")
    plain = Tls(ca=str(certificates.ca))
    shown = replace(plain, cert=str(certificates.client_cert), key=str(certificates.client_key))
    endpoint = replace(endpoint_of(server, Family.MYSQL), user="certified", password="x", tls=plain)
    assert (await refusal(database, endpoint)).kind is Kind.AUTH
    assert await rows(database, replace(endpoint, tls=shown), "1 AS one") == [{"one": 1}]


async def test_a_file_of_tls_that_is_missing_is_named(database: MysqlDatabase) -> None:
    endpoint = Endpoint(family=Family.MYSQL, port=1, tls=Tls(ca="/nowhere/ca.pem"))
    error = await refusal(database, endpoint)
    assert error.kind is Kind.CONFIG
    assert "/nowhere/ca.pem" in error.reason


def test_a_context_is_built_once_and_again_when_its_file_changed(
    certificates: Certificates, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(certificates.ca.read_bytes())
    contexts, tls = Contexts(), Tls(ca=str(ca))
    assert contexts.known(tls) is None
    made = contexts.make(tls)
    assert contexts.known(tls) is made
    ca.write_bytes(certificates.other_ca.read_bytes())
    assert contexts.known(tls) is None


def test_a_connection_with_tls_off_builds_no_context() -> None:
    endpoint = Endpoint(family=Family.MYSQL, tls=Tls(mode="off"))
    assert not hasattr(Connection(endpoint, None, Limits()), "ctx")
