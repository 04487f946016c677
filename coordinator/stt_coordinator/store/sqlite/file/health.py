"""The condition of the store's file: integrity, sizes, schema, free space, permissions, backup."""

from __future__ import annotations

import os
import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from stt_shared import clock, sqlfile
from stt_shared.protocol.coordinators import StoreHealth
from stt_shared.sqlite.connection import file_as_it_is

READ_S = 3.0  # limit for reading every page; of a larger store the integrity stays unknown
STEPS = 10_000  # instructions of SQLite's machine between two reads of the clock
BACKUP_MARK = "backup.last"  # written by each backup, read here
SQL = sqlfile.statements(sqlfile.folder("stt_coordinator.store.sqlite", "file") / "health.sql")
SOUND = [("ok",)]  # the answer of quick_check for an intact file
_TOO_LARGE = f"not all of it could be read within {READ_S:g} s"
_OTHERS = stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH


def unread(path: Path, knows: int) -> StoreHealth:
    """What is known of the file at `path` without reading it."""
    return StoreHealth(
        kind="sqlite",
        server=sqlite3.sqlite_version,
        path=str(path),
        knows=knows,
        looked=clock.now(),
    )


def pages(path: Path, knows: int) -> StoreHealth:
    """Whether every page of the file at `path` is intact; `knows` is the program's schema version.

    Reads the whole file for up to READ_S seconds and writes nothing. Never raises.
    """
    found = unread(path, knows)
    if not path.exists():
        return msgspec.structs.replace(found, sound=False, fault="there is no such file")
    ends = clock.monotonic() + READ_S
    try:
        with file_as_it_is(path) as store:
            store.set_progress_handler(lambda: clock.monotonic() > ends, STEPS)
            ((version,),) = store.execute(SQL["version"])
            faults = store.execute(SQL["integrity"]).fetchall()
    except sqlite3.OperationalError as error:
        is_late = error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT
        fault = _TOO_LARGE if is_late else str(error)
        return msgspec.structs.replace(found, sound=None, fault=fault)
    except sqlite3.Error as error:
        return msgspec.structs.replace(found, sound=False, fault=str(error))
    fault = "" if faults == SOUND else "; ".join(str(row[0]) for row in faults)
    return msgspec.structs.replace(found, version=version, sound=not fault, fault=fault)


def with_sizes(found: StoreHealth, path: Path) -> StoreHealth:
    """`found` with what is cheap to read: sizes, free space, permissions, the last backup."""
    try:
        return _with_sizes(found, path)
    except OSError as error:
        fault = f"cannot read its size and free space ({(error.strerror or str(error)).lower()})"
        return msgspec.structs.replace(found, sound=False, fault=fault)


def _with_sizes(found: StoreHealth, path: Path) -> StoreHealth:
    disk = os.statvfs(path)
    wal = path.with_name(f"{path.name}-wal")
    mark = path.with_name(BACKUP_MARK)
    return msgspec.structs.replace(
        found,
        size_bytes=path.stat().st_size,
        wal_bytes=wal.stat().st_size if wal.exists() else 0,
        free_bytes=disk.f_bavail * disk.f_frsize,
        open_to_others=bool(path.parent.stat().st_mode & _OTHERS),
        backup=datetime.fromtimestamp(mark.stat().st_mtime, UTC) if mark.exists() else None,
    )
