"""An outbox whose file was deleted or replaced under it is written anew from what is still open."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from stt_shared import clock

BESIDE = ".recovered"
_LOG_SUFFIX = "-wal"

Stamp = tuple[tuple[int, int] | None, ...]  # device and inode of the file and of its log


def stamp(path: Path) -> Stamp:
    """What stands at `path` and beside it now; None for what is missing."""
    return tuple(map(_identity, (path, path.with_name(path.name + _LOG_SUFFIX))))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def copy(connection: sqlite3.Connection, path: Path) -> Path:
    """All that `connection` holds, in a file beside `path` that survives a power failure.

    Raises sqlite3.Error or OSError; the connection is as before.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(path.name + BESIDE)
    beside.unlink(missing_ok=True)
    with closing(sqlite3.connect(beside, isolation_level=None)) as target:
        target.execute("PRAGMA synchronous = FULL")
        connection.backup(target)
    return beside


def put_in_place(beside: Path, path: Path) -> Path | None:
    """Have `path` be the file `beside`; what stood there is set aside, its new name returned.

    Raises OSError if another process works with what stands there.
    """
    aside = None
    if path.exists():
        if not _is_free(path):
            raise OSError("another worker's outbox has taken its place")
        aside = path.with_name(f"{path.name}.aside-{clock.now():%Y%m%dT%H%M%S}")
        path.replace(aside)
    # The log of another file, replayed into this one, would break it.
    path.with_name(path.name + _LOG_SUFFIX).unlink(missing_ok=True)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return aside


def finish(path: Path) -> None:
    """Put a copy in place that a worker made and did not live to put there; raises OSError."""
    beside = path.with_name(path.name + BESIDE)
    if beside.exists() and not path.exists():
        put_in_place(beside, path)


def _is_free(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0.2)) as other:
            other.execute("BEGIN EXCLUSIVE")
            other.execute("ROLLBACK")
    except sqlite3.OperationalError:  # locked
        return False
    except sqlite3.DatabaseError:  # no database at all
        return True
    return True
