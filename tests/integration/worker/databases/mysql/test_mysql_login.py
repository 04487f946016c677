"""The password of an account of MySQL goes to nobody whose identity is not known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.port import Endpoint, InspectionError, Limits, Tls
from tests.servers.certificates import Certificates
from tests.support.worker.database_subjects import admin_mysql, endpoint_of

PASSWORD = "p\u00e4ss'"
LONG = "x" * 300
SHA = pytest.mark.parametrize("plugin", ["caching_sha2_password", "sha256_password"])


@pytest.fixture
def where(mysql: Running) -> Endpoint:
    """An account that the server does not remember the password of, without its key."""
    return account(mysql, "caching_sha2_password", PASSWORD)


def account(mysql: Running, plugin: str, password: str) -> Endpoint:
    with admin_mysql(mysql) as cursor:
        cursor.execute("DROP USER IF EXISTS sha2@localhost")
        how = f"IDENTIFIED WITH {plugin} BY %s"
        cursor.execute(f"CREATE USER sha2@localhost {how}", (password,))
    found = endpoint_of(mysql, Family.MYSQL)
    return replace(found, user="sha2", password=password, server_public_key="")


async def enters(database: MysqlDatabase, endpoint: Endpoint) -> bool:
    inspection = await database.inspect(endpoint, lambda _: [], Limits())
    return inspection.facts.flavour == "mysql"


async def refusal(database: MysqlDatabase, endpoint: Endpoint, kind: Kind = Kind.AUTH) -> str:
    with pytest.raises(InspectionError) as caught:
        await database.inspect(endpoint, lambda _: [], Limits())
    assert caught.value.kind is kind, caught.value
    return caught.value.reason


@SHA
async def test_without_tls_the_key_of_the_server_has_to_be_named(
    mysql: Running, database: MysqlDatabase, plugin: str
) -> None:
    where = account(mysql, plugin, PASSWORD)
    reason = await refusal(database, where)
    assert "unencrypted" in reason
    assert "server_public_key" in reason
    named = endpoint_of(mysql, Family.MYSQL).server_public_key
    assert await enters(database, replace(where, server_public_key=named))


async def test_a_password_that_the_server_remembers_is_proven_without_its_key(
    mysql: Running, database: MysqlDatabase, where: Endpoint
) -> None:
    assert await enters(database, replace(where, socket=mysql.socket))
    assert await enters(database, where)


@SHA
async def test_the_risk_of_taking_any_key_can_be_written_down(
    mysql: Running, database: MysqlDatabase, plugin: str
) -> None:
    where = account(mysql, plugin, PASSWORD)
    assert await enters(database, replace(where, allow_public_key_retrieval=True))


@SHA
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_over_verified_tls_nothing_else_is_needed(
    mysql: Running, database: MysqlDatabase, certificates: Certificates, plugin: str, mode: str
) -> None:
    where = account(mysql, plugin, PASSWORD)
    assert await enters(database, replace(where, tls=Tls(mode=mode, ca=str(certificates.ca))))


@SHA
async def test_over_unverified_tls_the_password_is_not_handed_over(
    mysql: Running, database: MysqlDatabase, plugin: str
) -> None:
    where = account(mysql, plugin, PASSWORD)
    reason = await refusal(database, replace(where, tls=Tls(mode="require")))
    assert "encrypted, but unverified" in reason


async def test_require_with_a_ca_verifies_against_it(
    database: MysqlDatabase, where: Endpoint, certificates: Certificates
) -> None:
    other = Tls(mode="require", ca=str(certificates.other_ca))
    reason = await refusal(database, replace(where, tls=other), Kind.TLS)
    assert f"tls require requires a certificate signed by {certificates.other_ca}" in reason


@pytest.mark.parametrize("what", ["missing", "nonsense", "no RSA"])
async def test_a_key_that_cannot_be_used_is_a_fault_of_the_configuration(
    database: MysqlDatabase,
    where: Endpoint,
    certificates: Certificates,
    tmp_path: Path,
    what: str,
) -> None:
    file = tmp_path / "key.pem"
    if what == "nonsense":
        file.write_text("nonsense")
    if what == "no RSA":
        file = certificates.cert
    reason = await refusal(database, replace(where, server_public_key=str(file)), Kind.CONFIG)
    assert str(file) in reason


async def test_a_long_password_needs_tls_and_the_error_says_so(
    mysql: Running, database: MysqlDatabase, certificates: Certificates
) -> None:
    named = endpoint_of(mysql, Family.MYSQL).server_public_key
    where = account(mysql, "sha256_password", LONG[:250])
    reason = await refusal(database, replace(where, server_public_key=named))
    assert "the password has 250 bytes, the server's RSA key can encrypt 213" in reason
    verified = Tls(mode="verify-ca", ca=str(certificates.ca))
    assert await enters(database, replace(where, tls=verified))


async def test_300_characters_without_tls_are_one_clear_error(
    mysql: Running, database: MysqlDatabase
) -> None:
    named = endpoint_of(mysql, Family.MYSQL).server_public_key
    where = replace(account(mysql, "caching_sha2_password", PASSWORD), password=LONG)
    reason = await refusal(database, replace(where, server_public_key=named))
    assert "the password has 300 bytes, the server's RSA key can encrypt 213" in reason


async def test_300_characters_of_mariadb_work_without_tls(
    mariadb: Running, database: MysqlDatabase
) -> None:
    with admin_mysql(mariadb) as cursor:
        cursor.execute("CREATE OR REPLACE USER long_one@localhost IDENTIFIED BY %s", (LONG,))
    where = replace(endpoint_of(mariadb, Family.MYSQL), user="long_one", password=LONG)
    inspection = await database.inspect(where, lambda _: [], Limits())
    assert inspection.facts.flavour == "mariadb"
