"""Settings of MySQL and MariaDB that need a start of their own: found, mended, passed."""

from __future__ import annotations

import configparser
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stt_coordinator.local.servers import mysql as embedded
from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.protocol.enums import Family
from tests.servers.fixtures import PASSWORD, server_or_reason
from tests.support.checks.real import CheckRunner, endpoint
from tests.support.checks.scenario import execute, mend

BAD = ["--bind-address=*"]
UNLIMITED = ["--secure-file-priv=", "--secure-file-priv={parent}"]


@pytest.fixture(scope="module", params=["mariadb", "mysql"])
def server(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Running]:
    """A server as careless as its options allow."""
    maria = request.param == "mariadb"

    def start() -> Running:
        found = embedded.find_mariadb() if maria else embedded.find_mysql()
        folder = servers_folder / f"careless-{request.param}"
        x_protocol = ["--mysqlx=ON", f"--mysqlx-port={free_port()}", f"--mysqlx-socket={folder}.x"]
        extra = BAD if maria else [*BAD, *x_protocol]
        return embedded.start(found, folder, password=PASSWORD, extra=extra)

    running = server_or_reason(request.param, start)
    yield running
    running.stop()


def greets_on_socket(server: Running) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(server.socket)
        assert connection.recv(1)


def with_lines(server: Running, lines: str) -> None:
    """Restart the server with the lines of a configuration file instead of the bad options."""
    parser = configparser.ConfigParser()
    parser.read_string(lines)
    words = [f"--{key.replace('_', '-')}={value}" for key, value in parser["mysqld"].items()]
    replaced = {word.partition("=")[0] for word in words}
    kept = [word for word in server.command if word.partition("=")[0] not in replaced]
    server.command = [*kept, *words]
    server.restart()


async def test_each_open_port_is_found_and_mended_by_the_lines_of_its_finding(
    runner: CheckRunner, server: Running
) -> None:
    where = endpoint(server, Family.MYSQL)
    findings = (await runner.run("mysql_bind_address", where)).findings
    x_protocol = ["mysqlx_bind_address"] if server.name == "mysql" else []
    assert [str(one.object) for one in findings] == ["bind_address", *x_protocol]
    for finding in findings:
        assert finding.severity == "trivial"
        with_lines(server, finding.remediation)
    assert await runner.objects("mysql_bind_address", where) == {}


@pytest.mark.parametrize("option", UNLIMITED)
async def test_a_folder_for_files_that_limits_nothing_is_found_and_mended(
    runner: CheckRunner, server: Running, option: str
) -> None:
    where = endpoint(server, Family.MYSQL)
    kept = [word for word in server.command if not word.startswith("--secure-file-priv")]
    server.command = [*kept, option.format(parent=server.directory)]
    server.restart()
    (finding,) = (await runner.run("mysql_secure_file_priv", where)).findings
    assert finding.severity == "major"
    fix = finding.fix
    assert fix is not None
    if server.name == "mysql":
        with_lines(server, fix.lines)
    else:
        # No line that keeps the server from starting: the action makes the folder first.
        assert not fix.lines
        folder = server.directory / "data-files"
        assert f"Make the folder {folder} " in fix.action
        folder.mkdir(exist_ok=True)
        with_lines(server, f"[mysqld]\nsecure_file_priv = {folder}\n")
    assert await runner.objects("mysql_secure_file_priv", where) == {}


async def test_a_server_without_privileges_is_found_and_mended_until_its_next_start(
    runner: CheckRunner, server: Running
) -> None:
    before, answers = list(server.command), server.ready
    server.command = [*before, "--skip-grant-tables"]
    server.ready = lambda: greets_on_socket(server)  # MySQL closes its port then
    server.restart()
    try:
        where = replace(endpoint(server, Family.MYSQL), socket=server.socket)
        (finding,) = (await runner.run("mysql_skip_grant_tables", where)).findings
        assert (finding.object, str(finding.severity)) == ("skip_grant_tables", "critical")
        server_as_anybody = replace(server, user="nobody has this name", password="")
        mend(server_as_anybody, Family.MYSQL, finding)
        assert await runner.objects("mysql_skip_grant_tables", where) == {}
    finally:
        server.command, server.ready = before, answers
        server.restart()


async def test_an_audit_log_is_missed_on_mariadb_and_installed_by_the_findings_statements(
    runner: CheckRunner, server: Running
) -> None:
    where = endpoint(server, Family.MYSQL)
    outcome = await runner.run("mysql_audit_log", where)
    if server.name == "mysql":
        assert (outcome.outcome, "MySQL Community" in outcome.reason) == ("skipped", True)
        return
    (finding,) = outcome.findings
    mend(server, Family.MYSQL, finding)
    assert await runner.objects("mysql_audit_log", where) == {}
    assert finding.fix is not None
    with_lines(server, finding.fix.lines)
    assert await runner.objects("mysql_audit_log", where) == {}
    execute(server, Family.MYSQL, finding.fix.undo)
    server.restart()  # the lines stay, the plugin is gone: that must not keep it from starting
    assert await runner.objects("mysql_audit_log", where) == {"server_audit": "major"}


async def test_memcached_is_not_asked_for_where_it_is_gone(
    runner: CheckRunner, server: Running
) -> None:
    outcome = await runner.run("mysql_daemon_memcached", endpoint(server, Family.MYSQL))
    assert (outcome.outcome, outcome.kind) == ("skipped", "not_applicable")
