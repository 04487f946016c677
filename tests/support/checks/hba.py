"""A server's pg_hba.conf and pg_ident.conf, written for a test and mended as a finding says."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.protocol.messages import Finding
from tests.support.checks.real import postgresql_do

# Below the lines of a test: how its own sessions come in, and nothing any check would name.
OWN = ("local all all peer", "host all all 127.0.0.1/32 scram-sha-256")
PLACE = re.compile(r"# (instead of|above) line (\d+) of (.+)")
RELOAD = "SELECT pg_reload_conf();"
LOADED = """
SELECT pg_conf_load_time() < date_trunc('second', clock_timestamp()) AND bool_and(
  pg_conf_load_time() >= (pg_stat_file(current_setting(name))).change)
FROM unnest(ARRAY['hba_file', 'ident_file']) name
"""
LOADS_S = 20.0
POLL_S = 0.1


def file_of(server: Running) -> Path:
    return server.directory / "data" / "pg_hba.conf"


@contextmanager
def rules(server: Running, lines: Sequence[str]) -> Iterator[None]:
    """The server's pg_hba.conf begins with `lines` for the length of a test."""
    file = file_of(server)
    before = file.read_text(encoding="utf-8")
    file.write_text("\n".join([*lines, *OWN, ""]), encoding="utf-8")
    try:
        postgresql_do(server, [RELOAD])
        yield
    finally:
        file.write_text(before, encoding="utf-8")
        postgresql_do(server, [RELOAD])


def until_loaded(server: Running) -> None:
    """Wait until the server has loaded both files, and a file edited now shows that it is newer.

    A signal to reload is not waited for, and the times of files are whole seconds.
    """
    deadline = clock.monotonic() + LOADS_S
    while not _is_loaded(server):
        assert clock.monotonic() < deadline, "the server has not loaded its files"
        time.sleep(POLL_S)


def _is_loaded(server: Running) -> bool:
    with psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname="postgres",
    ) as connection:
        row = connection.execute(LOADED).fetchone()
    return row == (True,)


def place_of(finding: Finding) -> str:
    """The file and the line that a finding is about, which are no part of its object."""
    (row,) = finding.evidence
    return f"{Path(row['file'] or 'pg_hba.conf').name}:{row['line']}"


def put(server: Running, finding: Finding) -> None:
    """Do with the file what the remediation says, reload, and do what else it says."""
    first, *rest = finding.remediation.split("\n")
    match = PLACE.fullmatch(first)
    assert match, first
    end = rest.index(RELOAD)
    lines, statements = rest[:end], rest[end:]
    file = file_of(server).parent / match[3]
    number = int(match[2])
    found = file.read_text(encoding="utf-8").split("\n")
    found[number - 1 : number if match[1] == "instead of" else number - 1] = lines
    file.write_text("\n".join(found), encoding="utf-8")
    postgresql_do(server, statements)


@contextmanager
def maps(server: Running, lines: Sequence[str]) -> Iterator[None]:
    """The server's pg_ident.conf holds `lines` for the length of a test."""
    file = file_of(server).with_name("pg_ident.conf")
    before = file.read_text(encoding="utf-8")
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")
