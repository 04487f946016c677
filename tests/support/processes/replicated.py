"""Two PostgreSQL servers: each commit of the first waits until the second has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import HOST, Running, own_directory, run_once
from tests.servers.fixtures import PASSWORD, serving
from tests.support.coordinator.postgresql_stores import url

STANDBY = "second"  # its name, which the first one waits for
SYNCHRONOUS = ("-c", f"synchronous_standby_names={STANDBY}", "-c", "fsync=on")


@contextmanager
def replicated(folder: Path) -> Iterator[tuple[Running, Running]]:
    """A primary and its synchronous standby, both running, in `folder`."""

    def start_primary() -> Running:
        return embedded.start(folder / "first", password=PASSWORD, extra=SYNCHRONOUS)

    with serving("PostgreSQL 18", start_primary) as primary:

        def start_standby() -> Running:
            copy(primary, folder / "second")
            return embedded.start(folder / "second", password=PASSWORD)

        with serving("PostgreSQL 18", start_standby) as standby:
            yield primary, standby


def copy(primary: Running, folder: Path) -> None:
    """A base backup of `primary` in `folder`, set up to follow it."""
    assert primary.binary is not None
    own_directory(folder, primary.owner)
    login = f"host={HOST} port={primary.port} user={primary.user} application_name={STANDBY}"
    run_once(
        [
            str(primary.binary.parent / "pg_basebackup"),
            *("--pgdata", str(folder / "data"), "--write-recovery-conf", "--checkpoint=fast"),
            *("--no-sync", "--dbname", login),
        ],
        owner=primary.owner,
        environment={"PGPASSWORD": primary.password},
    )


def promote(standby: Running) -> None:
    """Make the standby the server that can be written."""
    with psycopg.connect(url(standby, "postgres"), autocommit=True) as connection:
        assert connection.execute(b"SELECT pg_promote()").fetchone() == (True,)
