"""How the store's file is: whole, how large, of which schema, how much room there is."""

from __future__ import annotations

import os
import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from stt_shared import clock, sqlfile
from stt_shared.protocol.health import StoreHealth
from stt_shared.sqlite.connection import file_as_it_is

LOOK_S = 3.0  # that reading every page may take; a larger store is not looked through
STEPS = 10_000  # of SQLite's machine between two looks at the clock
BACKUP_MARK = "backup.last"  # written by each backup, read here
SQL = sqlfile.statements(sqlfile.folder("stt_coordinator.store") / "health.sql")
_SOUND = [("ok",)]
_TOO_LARGE = f"not all of it could be read within {LOOK_S:g} s"


def pages(path: Path, knows: int) -> StoreHealth:
    """Whether the file at `path`, which is never written, is whole; `knows`: the program's schema.

    Reads all of it, for up to LOOK_S.
    """
    found = StoreHealth(path=str(path), knows=knows, looked=clock.now())
    if not path.exists():
        return msgspec.structs.replace(found, sound=False, fault="there is no such file")
    return _pages(found, path)


def with_sizes(found: StoreHealth, path: Path) -> StoreHealth:
    """The same with what costs nothing to see: sizes, room, who may read, the last backup."""
    try:
        return _sizes(found, path)
    except OSError as error:
        fault = f"it cannot be looked at ({(error.strerror or str(error)).lower()})"
        return msgspec.structs.replace(found, sound=False, fault=fault)


def _sizes(found: StoreHealth, path: Path) -> StoreHealth:
    disk = os.statvfs(path)
    wal = path.with_name(f"{path.name}-wal")
    mark = path.with_name(BACKUP_MARK)
    others = stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH
    return msgspec.structs.replace(
        found,
        size_bytes=path.stat().st_size,
        wal_bytes=wal.stat().st_size if wal.exists() else 0,
        free_bytes=disk.f_bavail * disk.f_frsize,
        open_to_others=bool(path.parent.stat().st_mode & others),
        backup=datetime.fromtimestamp(mark.stat().st_mtime, UTC) if mark.exists() else None,
    )


def _pages(found: StoreHealth, path: Path) -> StoreHealth:
    ends = clock.monotonic() + LOOK_S
    try:
        with file_as_it_is(path) as store:
            store.set_progress_handler(lambda: clock.monotonic() > ends, STEPS)
            ((version,),) = store.execute(SQL["version"])
            faults = store.execute(SQL["integrity"]).fetchall()
    except sqlite3.OperationalError as error:
        late = error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT
        fault = _TOO_LARGE if late else str(error)
        return msgspec.structs.replace(found, sound=None, fault=fault)
    except sqlite3.Error as error:
        return msgspec.structs.replace(found, sound=False, fault=str(error))
    fault = "" if faults == _SOUND else "; ".join(str(row[0]) for row in faults)
    return msgspec.structs.replace(found, version=version, sound=not fault, fault=fault)
