"""Recovers an outbox whose file was deleted or replaced while the worker had it open."""

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
    """The identity of the file at `path` and of its log; None for a missing file."""
    identities: list[tuple[int, int] | None] = []
    for one in (path, path.with_name(path.name + _LOG_SUFFIX)):
        try:
            found = one.stat()
        except OSError:
            identities.append(None)
        else:
            # The inode, not the name alone: a file that replaced ours has the same name.
            identities.append((found.st_dev, found.st_ino))
    return tuple(identities)


def copy(connection: sqlite3.Connection, path: Path) -> Path:
    """Copy the whole database of `connection` to a file beside `path`, synced to disk.

    Raises sqlite3.Error or OSError; the connection is not changed.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(path.name + BESIDE)
    # What a crash left there may be half a copy.
    beside.unlink(missing_ok=True)
    with closing(sqlite3.connect(beside, isolation_level=None)) as target:
        # Before the copy: it replaces the only file that has these results.
        target.execute("PRAGMA synchronous = FULL")
        connection.backup(target)
    return beside


def put_in_place(beside: Path, path: Path) -> Path | None:
    """Rename `beside` to `path`; returns the new name of the file that was at `path`, if any.

    Raises OSError if another process has the file at `path` open.
    """
    aside = None
    if path.exists():
        # Another worker may have it open: renamed under it, its results would be set aside.
        try:
            with closing(sqlite3.connect(path, isolation_level=None, timeout=0.2)) as other:
                other.execute("BEGIN EXCLUSIVE")
                other.execute("ROLLBACK")
        except sqlite3.OperationalError as error:  # locked
            raise OSError("another worker uses the file that replaced it") from error
        except sqlite3.DatabaseError:  # not a database: no worker can use it
            pass
        aside = path.with_name(f"{path.name}.aside-{clock.now():%Y%m%dT%H%M%S}")
        path.replace(aside)
    # Before the rename: SQLite would replay the log of the other file into this one.
    path.with_name(path.name + _LOG_SUFFIX).unlink(missing_ok=True)
    beside.replace(path)
    # Without this a power failure could undo the rename.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return aside


def finish(path: Path) -> None:
    """Finish a recovery that a crash interrupted before its rename; raises OSError."""
    beside = path.with_name(path.name + BESIDE)
    if beside.exists() and not path.exists():
        put_in_place(beside, path)
