"""A server's pg_hba.conf and pg_ident.conf, written for a test and mended as a finding says."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.protocol.messages import Finding, Fix
from tests.support.checks.real import postgresql_do

# Below the lines of a test: how its own sessions come in, and nothing any check would name.
OWN = ("local all all peer", "host all all 127.0.0.1/32 scram-sha-256")
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
    """Do with the file what the remediation says, then what its statements do.

    Where it leaves the line to a person, the line is taken out, or its method is changed.
    """
    fix, (row,) = fix_of(finding), finding.evidence
    file, number = file_named(server, fix, row), row.get("line", 1)
    found = file.read_text(encoding="utf-8").split("\n")
    old = found[number - 1]
    by_hand = old.replace("md5", "scram-sha-256") if "md5" in old else f"# {old}"
    lines = (fix.lines or by_hand).split("\n")
    replaces = "line" in row
    found[number - 1 : number if replaces else number - 1] = lines
    file.write_text("\n".join(found), encoding="utf-8")
    postgresql_do(server, fix.statement or [RELOAD])


def put_back(server: Running, finding: Finding) -> None:
    """Undo what `put` did by what the remediation says; those on lines above come first."""
    fix, (row,) = fix_of(finding), finding.evidence
    file = file_named(server, fix, row)
    found, lines = file.read_text(encoding="utf-8").split("\n"), fix.lines.split("\n")
    start = row.get("line", 1) - 1
    assert found[start : start + len(lines)] == lines
    found[start : start + len(lines)] = [fix.undo_lines]
    file.write_text("\n".join(found), encoding="utf-8")
    postgresql_do(server, fix.undo)


def fix_of(finding: Finding) -> Fix:
    assert finding.fix is not None, finding
    return finding.fix


def file_named(server: Running, fix: Fix, row: dict[str, Any]) -> Path:
    return file_of(server).parent / (fix.file or row["file"] or "pg_hba.conf")


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
