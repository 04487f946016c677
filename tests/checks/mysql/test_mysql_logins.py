"""MySQL's and MariaDB's TLS and log-ins that need a start, a file or a client of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers import mysql as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.servers.certificates import Certificates
from tests.servers.fixtures import PASSWORD, server_or_reason
from tests.support.checks.hardening import Hardener
from tests.support.checks.real import (
    CheckRunner,
    as_root,
    encrypted,
    endpoint,
    mysql_do,
    mysql_state,
)
from tests.support.checks.scenario import mend

USER = ["CREATE USER 'remote'@'%' IDENTIFIED BY 'Str0ng-enough'"]
GONE = ["DROP USER 'remote'@'%'"]


@pytest.fixture(params=["mariadb", "mysql"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


@pytest.fixture(scope="module")
def old_mariadb(servers_folder: Path, certificates: Certificates) -> Iterator[Running]:
    """MariaDB with TLS 1.1 and a weak cipher allowed."""
    tls = (certificates.cert, certificates.key, certificates.ca)
    extra = ["--tls-version=TLSv1.1,TLSv1.2", "--ssl-cipher=ECDHE+AESGCM:DES-CBC3-SHA"]

    def start() -> Running:
        found = embedded.find_mariadb()
        folder = servers_folder / "old-mariadb"
        return embedded.start(found, folder, password=PASSWORD, tls=tls, extra=extra)

    running = server_or_reason("MariaDB", start)
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["mariadb", "mysql"])
def without_tls(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Running]:
    """A server without any certificate."""
    maria = request.param == "mariadb"

    def start() -> Running:
        found = embedded.find_mariadb() if maria else embedded.find_mysql()
        folder = servers_folder / f"no-tls-{request.param}"
        extra = ["--skip-ssl"] if maria else ["--auto-generate-certs=OFF"]
        return embedded.start(found, folder, password=PASSWORD, extra=extra)

    running = server_or_reason(request.param, start)
    for file in (running.directory / "data").glob("*.pem"):
        file.unlink()  # MySQL made itself some when its data were made
    running.restart()
    yield running
    running.stop()


async def test_tls_is_required_of_all_once_an_account_comes_over_the_network(
    runner: CheckRunner, server: Running
) -> None:
    check, where = "mysql_require_secure_transport", encrypted(server)
    undo = ["SET GLOBAL require_secure_transport = OFF", *GONE]
    if server.name == "mysql":
        undo.insert(0, "RESET PERSIST IF EXISTS require_secure_transport")
    assert await runner.objects(check, where) == {}
    with mysql_state(server, USER, undo):
        (finding,) = (await runner.run(check, where)).findings
        assert (finding.object, str(finding.severity)) == ("require_secure_transport", "major")
        mend(server, Family.MYSQL, finding)
        assert await runner.objects(check, where) == {}
        assert await runner.objects("mysql_user_tls_required", where) == {}


async def test_old_versions_and_weak_ciphers_are_mended_by_the_file(
    runner: CheckRunner, old_mariadb: Running
) -> None:
    checks = ["mysql_tls_versions", "mysql_tls_weak_ciphers"]
    where = endpoint(old_mariadb, Family.MYSQL)
    outcomes = await runner.run_all(where, checks)
    found = {str(f.object): str(f.severity) for one in outcomes.values() for f in one.findings}
    assert found == {"tls_version": "major", "ssl_cipher": "trivial"}, outcomes
    hardener = Hardener(old_mariadb, Family.MYSQL)
    hardener.mend([finding for one in outcomes.values() for finding in one.findings])
    after = await runner.run_all(encrypted(old_mariadb), checks)
    assert {str(one.outcome) for one in after.values()} == {"passed"}


async def test_a_server_without_a_certificate_is_found_and_mended_by_one(
    runner: CheckRunner, without_tls: Running, certificates: Certificates
) -> None:
    where = endpoint(without_tls, Family.MYSQL)
    outcome = await runner.run("mysql_tls_disabled", where)
    assert [str(one.severity) for one in outcome.findings] == ["major"], outcome
    ends = await runner.run("mysql_tls_cert_expiry", where)
    assert (ends.outcome, ends.kind) == ("skipped", "not_applicable")
    fix = outcome.findings[0].fix
    assert fix is not None
    without_tls.command = [word for word in without_tls.command if word != "--skip-ssl"]
    hardener = Hardener(without_tls, Family.MYSQL)
    if without_tls.name == "mysql":
        hardener.apply(fix)  # the server makes its own certificate
        ca = str(without_tls.directory / "data" / "ca.pem")
    else:
        # No line that keeps the server from starting: the action puts the files there first.
        assert not fix.lines
        hardener.lines = {"ssl_cert": str(certificates.cert), "ssl_key": str(certificates.key)}
        ca = str(certificates.ca)
    hardener.restart()
    mended = encrypted(without_tls, ca)
    assert await runner.objects("mysql_tls_disabled", mended) == {}
    assert await runner.objects("mysql_tls_cert_expiry", mended) == {}


async def test_mariadb_tells_the_end_of_its_certificate_over_tls_alone(
    runner: CheckRunner, mariadb: Running
) -> None:
    outcome = await runner.run("mysql_tls_cert_expiry", endpoint(mariadb, Family.MYSQL))
    assert (outcome.outcome, outcome.kind) == ("skipped", "undecided")
    assert await runner.objects("mysql_tls_cert_expiry", encrypted(mariadb)) == {}


async def test_a_password_set_again_on_mariadb_has_the_better_hash(
    runner: CheckRunner, mariadb: Running
) -> None:
    check, where = "mysql_weak_auth_plugin", endpoint(mariadb, Family.MYSQL)
    mysql_do(mariadb, ["INSTALL SONAME 'auth_ed25519'"])
    with mysql_state(mariadb, USER, [*GONE, "UNINSTALL SONAME 'auth_ed25519'"]):
        assert "'remote'@'%'" in await runner.objects(check, where)
        better = "ALTER USER 'remote'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('An0ther-one')"
        mysql_do(mariadb, [better])
        assert "'remote'@'%'" not in await runner.objects(check, where)


async def test_a_lock_of_no_days_slows_nobody_down(runner: CheckRunner, mysql: Running) -> None:
    check, where = "mysql_login_throttling", endpoint(mysql, Family.MYSQL)
    everybody = accounts_that_log_in(mysql)
    limits = [("3", "0"), ("0", "3"), ("3", "1"), ("3", "UNBOUNDED")]
    found: dict[tuple[str, str], bool] = {}
    no_limit = [f"ALTER USER {name} {locking('0', '0')}" for name in everybody]
    for tries, days in limits:
        made = [f"ALTER USER {name} {locking(tries, days)}" for name in everybody]
        with mysql_state(mysql, made, no_limit):
            found[tries, days] = bool(await runner.objects(check, where))
    assert found == dict(zip(limits, [True, True, False, False], strict=True))


def accounts_that_log_in(server: Running) -> list[str]:
    names = (
        "SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)) FROM mysql.user WHERE account_locked = 'N'"
    )
    with as_root(server) as connection:
        cursor = connection.cursor()
        cursor.execute(names)
        return [name for (name,) in cursor.fetchall()]


def locking(tries: str, days: str) -> str:
    return f"FAILED_LOGIN_ATTEMPTS {tries} PASSWORD_LOCK_TIME {days}"


async def test_an_account_without_tls_is_one_finding_with_the_setting_that_requires_it(
    runner: CheckRunner, server: Running
) -> None:
    account, setting = "mysql_user_tls_required", "mysql_require_secure_transport"
    where = endpoint(server, Family.MYSQL)
    with mysql_state(server, USER, GONE):
        alone = await runner.run(account, where)
        assert "'remote'@'%'" in {one.object for one in alone.counted}
        both = await runner.run_all(where, [account, setting])
        assert both[account].counted == ()
        (cause,) = both[setting].counted
        (implied,) = cause.implies
        assert (implied.check, sorted(implied.keys)) == (
            account,
            sorted(one.key for one in alone.findings),
        )
        assert f"of {account} ('remote'@'%'" in cause.description
