"""How a store's file is: whether it is whole, how large, and how much room there is."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from stt_shared.protocol.health import StoreHealth

BUSY_S = 5.0


def look(path: Path, known_version: int) -> StoreHealth:
    """Look at the file by a connection of its own, which reads alone.

    SQLite's quick check reads every page once (about 1 s for each GB), without the time that a
    comparison of every index with its table takes. Raises sqlite3.Error and OSError.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=BUSY_S)) as connection:
        try:
            (integrity,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            integrity = str(error)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return StoreHealth(
        path=str(path),
        integrity=integrity,
        schema_version=version,
        known_version=known_version,
        size=path.stat().st_size,
        log_size=_size(path.with_name(f"{path.name}-wal")),
        free=shutil.disk_usage(path.parent).free,
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
