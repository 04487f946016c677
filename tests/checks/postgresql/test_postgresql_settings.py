"""Settings of PostgreSQL on servers of their own: restarted, with checksums, and replicated."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running, own_directory, run_once
from stt_shared import clock
from stt_shared.protocol.enums import Family
from tests.servers.certificates import Certificates
from tests.servers.fixtures import PASSWORD, server_or_reason
from tests.support.checks.hba import RELOAD, file_of
from tests.support.checks.real import CheckRunner, endpoint, postgresql_do
from tests.support.checks.scenario import mend

REPLICATION = "postgresql_replication_log_tls"
REPLICATOR = "Replicator 1: password"
# Nothing is sent there: it shows by which address of ours we would go.
STREAMING_S = 30.0
POLL_S = 0.05


@pytest.fixture(scope="module")
def server(servers_folder: Path, certificates: Certificates) -> Iterator[Running]:
    """PostgreSQL 15 with TLS on every address, as safe as its packages make it."""

    def start() -> Running:
        return embedded.start(
            servers_folder / "settings15",
            password=PASSWORD,
            binaries=embedded.installed(15),
            tls=(certificates.cert, certificates.key, certificates.ca),
            extra=["-c", "fsync=on"],
        )

    running = server_or_reason("PostgreSQL 15", start)
    # On the command line it would be stronger than what a finding says.
    listen = "listen_addresses=127.0.0.1"
    running.command = [word for word in running.command if word != listen]
    running.command = without_dangling(running.command)
    postgresql_do(running, ["ALTER SYSTEM SET listen_addresses = '*'"])
    running.restart()
    yield running
    running.stop()


def without_dangling(words: Sequence[str]) -> list[str]:
    """The words without each -c that lost its setting."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    return [word for word, after in pairs if not (word == "-c" and "=" not in after)]


async def test_a_server_as_its_packages_start_it_has_no_unsafe_setting(
    runner: CheckRunner, server: Running
) -> None:
    check, where = "postgresql_unsafe_settings", endpoint(server, Family.POSTGRESQL)
    assert await runner.objects(check, where) == {}


async def test_fsync_switched_off_on_the_command_line_is_found_with_the_place_to_fix_it(
    runner: CheckRunner, postgresql15: Running
) -> None:
    check, where = "postgresql_unsafe_settings", endpoint(postgresql15, Family.POSTGRESQL)
    (finding,) = (await runner.run(check, where)).findings
    assert (finding.object, finding.severity) == ("fsync", "major")
    assert finding.fix is not None
    assert finding.fix.statement == ()
    assert finding.fix.action.startswith("Set fsync to on where the server is started")


async def test_checksums_are_there_after_the_findings_command_on_the_stopped_server(
    runner: CheckRunner, server: Running
) -> None:
    check, where = "postgresql_data_checksums", endpoint(server, Family.POSTGRESQL)
    (finding,) = (await runner.run(check, where)).findings
    assert (finding.object, finding.severity) == ("data_checksums", "trivial")
    command = finding.remediation.split("run ")[1].split(" as its user")[0]
    assert server.binary is not None
    server.temporary = False  # its data stay while it is stopped
    server.stop()
    try:
        run_once(
            ["/bin/sh", "-c", f"{server.binary.parent}/{command}"],
            owner=server.owner,
        )
    finally:
        server.start()
        server.temporary = True
    assert await runner.objects(check, where) == {}


async def test_checksums_are_on_by_default_from_18_on(
    runner: CheckRunner, postgresql: Running
) -> None:
    check, where = "postgresql_data_checksums", endpoint(postgresql, Family.POSTGRESQL)
    assert await runner.objects(check, where) == {}


async def test_pgaudit_that_is_not_installed_is_never_put_among_the_libraries_to_load(
    runner: CheckRunner, postgresql: Running
) -> None:
    where = endpoint(postgresql, Family.POSTGRESQL)
    (finding,) = (await runner.run("postgresql_pgaudit", where)).findings
    assert (finding.object, finding.severity) == ("pgaudit", "trivial")
    assert finding.remediation.startswith("Install pgaudit for PostgreSQL 18")


@pytest.fixture
def standby(
    server: Running, address: str, servers_folder: Path, certificates: Certificates
) -> Iterator[Running]:
    """A standby of the server, which follows it as pg_basebackup sets it up: sslmode=prefer."""
    make = [f"CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{REPLICATOR}'"]
    with file_of(server).open("a", encoding="utf-8") as file:
        file.write("host replication replicator samehost scram-sha-256\n")
    postgresql_do(server, [*make, RELOAD])
    words = {"host": "localhost", "hostaddr": address, "user": "replicator"}
    words |= {"password": REPLICATOR, "sslmode": "prefer", "sslrootcert": str(certificates.ca)}
    folder = own_directory(servers_folder / "standby15", server.owner)
    # Not the one in our home, which the server's user may not enter.
    words |= {"sslcert": str(folder / "none.crt")}
    text = psycopg.conninfo.make_conninfo("", **words, port=server.port)
    assert server.binary is not None
    run_once(
        [
            *(str(server.binary.parent / "pg_basebackup"), "-R", "-X", "stream", "-c", "fast"),
            *("--no-sync", "-D", str(folder / "data"), "-d", text),
        ],
        owner=server.owner,
    )
    binaries = server.binary.parent
    extra = ["-c", "listen_addresses=127.0.0.1", "-c", "wal_retrieve_retry_interval=100ms"]
    running = embedded.start(folder, password=PASSWORD, binaries=binaries, extra=extra)
    yield running
    running.stop()
    postgresql_do(server, ["DROP ROLE replicator"])


def modes(standby: Running) -> list[str]:
    """The sslmodes, the last of which counts, with which the standby is following right now."""
    with psycopg.connect(
        host=standby.host,
        port=standby.port,
        user=standby.user,
        password=standby.password,
        dbname="postgres",
    ) as connection:
        row = connection.execute(
            "SELECT conninfo FROM pg_stat_wal_receiver WHERE status = 'streaming'"
        ).fetchone()
    words = row[0].split() if row else []
    return [word.partition("=")[2] for word in words if word.startswith("sslmode=")]


def wait_until_it_follows(standby: Running, mode: str) -> None:
    deadline = clock.monotonic() + STREAMING_S
    while modes(standby)[-1:] != [mode]:
        assert clock.monotonic() < deadline, standby.tail()
        time.sleep(POLL_S)


async def test_a_standby_in_clear_follows_over_verified_tls_after_the_findings_lines(
    runner: CheckRunner, standby: Running
) -> None:
    where = endpoint(standby, Family.POSTGRESQL)
    outcome = await runner.run(REPLICATION, where)
    assert REPLICATOR not in repr(outcome)
    found = {finding.object: finding for finding in outcome.findings}
    assert {str(name): str(one.severity) for name, one in found.items()} == {
        "log_replication_commands": "trivial",
        "primary_conninfo": "major",
    }
    fix = found["primary_conninfo"].fix
    assert fix is not None
    assert fix.statement == ()
    embedded.execute(standby, f"{fix.query.removesuffix(';')} \\gexec\n{RELOAD}")
    mend(standby, Family.POSTGRESQL, found["log_replication_commands"])
    assert await runner.objects(REPLICATION, where) == {}
    wait_until_it_follows(standby, "verify-full")


async def test_every_address_gives_way_to_the_one_that_the_account_came_in_by(
    runner: CheckRunner, server: Running, address: str
) -> None:
    check, where = "postgresql_listen_all", endpoint(server, Family.POSTGRESQL)
    with file_of(server).open("a", encoding="utf-8") as file:
        file.write("host all postgres samehost scram-sha-256\n")
    postgresql_do(server, [RELOAD])
    (finding,) = (await runner.run(check, replace(where, host=address))).findings
    assert (finding.object, finding.severity) == ("listen_addresses", "trivial")
    mend(server, Family.POSTGRESQL, finding)
    (finding,) = (await runner.run(check, where)).findings
    assert finding.remediation.startswith("Restart the server")
    server.restart()
    for host in (server.host, address):
        assert await runner.objects(check, replace(where, host=host)) == {}
