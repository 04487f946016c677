"""TLS of PostgreSQL: switched off, forgotten by clients, and asked for without the right."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.servers.certificates import Certificates
from tests.servers.fixtures import PASSWORD, server_or_reason
from tests.support.checks.hba import RELOAD, file_of, put, put_back, rules
from tests.support.checks.real import (
    CheckRunner,
    endpoint,
    postgresql_do,
    postgresql_state,
)
from tests.support.checks.scenario import mend

SESSIONS = "postgresql_unencrypted_sessions"
APP_PASSWORD = "app"
APP = ["CREATE ROLE clear_app LOGIN REPLICATION PASSWORD 'app'"]
NO_APP = ["DROP OWNED BY clear_app", "DROP ROLE clear_app"]
# From any address of the machine itself, which for the server are those of a client.
FROM_HERE = ["host all,replication all samehost scram-sha-256"]


@pytest.fixture(scope="module")
def server(servers_folder: Path, certificates: Certificates) -> Iterator[Running]:
    """PostgreSQL 15 on every address, with a certificate in its place and TLS off."""

    def start() -> Running:
        return embedded.start(
            servers_folder / "tls15",
            password=PASSWORD,
            binaries=embedded.installed(15),
            extra=["-c", "listen_addresses=*"],
        )

    running = server_or_reason("PostgreSQL 15", start)
    for source, name in ((certificates.cert, "server.crt"), (certificates.key, "server.key")):
        copy = file_of(running).with_name(name)
        shutil.copy(source, copy)
        copy.chmod(0o600)
        if running.owner is not None:
            shutil.chown(copy, running.owner)
    yield running
    running.stop()


def client(server: Running, address: str, mode: str, **more: str) -> psycopg.Connection:
    return psycopg.connect(
        host=address,
        port=server.port,
        user="clear_app",
        password=APP_PASSWORD,
        dbname="postgres",
        sslmode=mode,
        autocommit=True,
        **more,  # type: ignore[arg-type]  # libpq's own parameters
    )


@contextmanager
def tls_on(server: Running) -> Iterator[None]:
    with postgresql_state(
        server,
        ["ALTER SYSTEM SET ssl = 'on'", RELOAD],
        ["ALTER SYSTEM RESET ssl", RELOAD],
    ):
        yield


async def test_tls_that_is_off_on_the_network_is_found_and_switched_on_by_the_remediation(
    runner: CheckRunner, server: Running
) -> None:
    where = endpoint(server, Family.POSTGRESQL)
    (finding,) = (await runner.run("postgresql_tls_off", where)).findings
    assert (finding.object, str(finding.severity)) == ("ssl", "major")
    try:
        mend(server, Family.POSTGRESQL, finding)
        assert await runner.objects("postgresql_tls_off", where) == {}
        with psycopg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=PASSWORD,
            dbname="postgres",
            sslmode="require",
        ) as connection:
            assert connection.pgconn.ssl_in_use
    finally:
        postgresql_do(server, ["ALTER SYSTEM RESET ssl", RELOAD])


@pytest.mark.parametrize("check", ["postgresql_tls_min_version", "postgresql_tls_ciphers"])
async def test_without_tls_its_settings_are_not_evaluated(
    runner: CheckRunner, server: Running, check: str
) -> None:
    outcome = await runner.run(check, endpoint(server, Family.POSTGRESQL))
    assert (outcome.outcome, "postgresql_tls_off" in outcome.reason) == ("skipped", True)


@pytest.mark.parametrize("name", ["postgresql", "postgresql15"])
@pytest.mark.parametrize("check", ["postgresql_tls_off", "postgresql_tls_min_version", SESSIONS])
async def test_a_default_install_has_no_finding(
    runner: CheckRunner, name: str, check: str, request: pytest.FixtureRequest
) -> None:
    running: Running = request.getfixturevalue(name)
    outcome = await runner.run(check, endpoint(running, Family.POSTGRESQL))
    without = name == "postgresql" and check == "postgresql_tls_min_version"
    assert outcome.outcome == ("skipped" if without else "passed"), outcome


async def test_a_client_in_clear_is_found_and_turned_away_by_the_remediation(
    runner: CheckRunner, server: Running, address: str
) -> None:
    where = endpoint(server, Family.POSTGRESQL)
    with postgresql_state(server, APP, NO_APP), tls_on(server), rules(server, FROM_HERE):
        with client(server, address, "require"):
            assert await runner.objects(SESSIONS, where) == {}
        with client(server, address, "disable") as clear, client(server, "127.0.0.1", "disable"):
            (finding,) = (await runner.run(SESSIONS, where)).findings
            assert (finding.object, str(finding.severity)) == (f"clear_app@{address}", "major")
            put(server, finding)
            with pytest.raises(psycopg.OperationalError):
                clear.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="rejects connection"):
            client(server, address, "disable")
        client(server, address, "require").close()
        assert await runner.objects(SESSIONS, where) == {}
        put_back(server, finding)
        client(server, address, "disable").close()


async def test_an_unencrypted_replica_is_distinguished(
    runner: CheckRunner, server: Running, address: str
) -> None:
    where = endpoint(server, Family.POSTGRESQL)
    with postgresql_state(server, APP, NO_APP), rules(server, FROM_HERE):
        with client(server, address, "disable", replication="true"):
            (finding,) = (await runner.run(SESSIONS, where)).findings
            assert finding.object == f"clear_app@{address} (replication)"
            put(server, finding)
        assert await runner.objects(SESSIONS, where) == {}


@pytest.mark.parametrize(
    ("check", "grant"),
    [
        (SESSIONS, "pg_read_all_stats"),
        ("postgresql_tls_ciphers", "pg_read_all_settings"),
        ("postgresql_tls_min_version", "pg_read_all_settings"),
    ],
)
async def test_without_its_grant_the_check_names_it_and_does_not_pass(
    runner: CheckRunner, server: Running, postgresql: Running, check: str, grant: str
) -> None:
    for one in (server, postgresql):
        with postgresql_state(one, APP, NO_APP):
            where = endpoint(one, Family.POSTGRESQL)
            low = replace(where, user="clear_app", password=APP_PASSWORD)
            outcome = await runner.run(check, low)
            assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
            assert f"the check needs: {grant}" in outcome.reason
            postgresql_do(one, [f"GRANT {grant} TO clear_app"])
            assert (await runner.run(check, low)).outcome in {"passed", "skipped"}


async def test_whether_tls_is_on_is_public(runner: CheckRunner, server: Running) -> None:
    with postgresql_state(server, APP, NO_APP):
        where = endpoint(server, Family.POSTGRESQL)
        low = replace(where, user="clear_app", password=APP_PASSWORD)
        assert await runner.objects("postgresql_tls_off", low) == {"ssl": "major"}
        with tls_on(server):
            assert await runner.objects("postgresql_tls_off", low) == {}
