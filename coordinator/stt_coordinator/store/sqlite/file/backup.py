"""A copy of the store while a coordinator writes it, and the way back from such a copy."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA, locked
from stt_coordinator.store.sqlite.file.health import BACKUP_MARK, SOUND
from stt_shared import sqlfile
from stt_shared.errors import ConfigError
from stt_shared.sqlite.connection import file_as_it_is

SQL = sqlfile.statements(sqlfile.folder("stt_coordinator.store.sqlite", "file") / "backup.sql")
SET_ASIDE = "%Y%m%dt%H%M%S"  # suffix of the store that a restore replaced: the time
SUFFIXES = ("", "-wal", "-shm")  # a store is up to three files


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What a copy contains: schema version, number of runs and of open findings, size in bytes."""

    path: Path
    version: int
    runs: int
    findings: int
    size: int


def backup(folder: Path, target: Path) -> Copy:
    """Copy the store of `folder` to `target`, as of one moment; writers go on meanwhile.

    Raises ConfigError if there is no store, `target` exists or cannot be written, or the copy is
    damaged; then there is no `target`.
    """
    source = folder / FILE
    if not source.exists():
        raise ConfigError(f"no store in {folder}", hint="name its folder: --state-dir")
    if target.exists():
        raise ConfigError(f"{target} exists", hint="a backup overwrites no file: name another one")
    half = target.with_name(f"{target.name}.half")
    try:
        _copy(source, half)
        found = examine(half)
        # Renamed last: a file with the name of a backup is always a whole one.
        half.rename(target)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # only stt doctor reads it; the copy is complete
        (folder / BACKUP_MARK).write_text(f"{target}\n", encoding="utf-8")
    return replace(found, path=target)


def _copy(source: Path, half: Path) -> None:
    try:
        # Made by us first: SQLite would make it readable for others.
        os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with file_as_it_is(source) as store, closing(sqlite3.connect(half)) as copy:
            store.backup(copy)  # in one step: a reader's view, which blocks no writer
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"cannot copy {source} to {half.parent} ({error})") from error


def examine(path: Path) -> Copy:
    """What a copy contains; raises ConfigError if it is damaged, of a newer version or no store."""
    try:
        with file_as_it_is(path) as copy:
            faults = copy.execute(SQL["integrity"]).fetchall()
            ((version,),) = copy.execute(SQL["version"])
            if faults != SOUND:
                raise ConfigError(f"{path} is damaged ({faults[0][0]})")
            if not 0 < version <= SCHEMA.version:
                raise ConfigError(
                    f"{path} has version {version}, this program knows 1 to {SCHEMA.version}"
                )
            ((runs, findings),) = copy.execute(SQL["holds"])
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"{path} is not a backup of a store ({error})") from error
    return Copy(path=path, version=version, runs=runs, findings=findings, size=path.stat().st_size)


def restore(source: Path, folder: Path, now: datetime) -> tuple[Copy, Path | None]:
    """Put the backup `source` in place of the store of `folder`; also where the old one is now.

    Raises ConfigError if a coordinator uses the folder, or as `examine`; then nothing changed.
    """
    # Before anything is touched: a damaged copy must not replace a store that works.
    found = examine(source)
    # Held to the end: a coordinator that starts in between would write the file that goes aside.
    lock = locked(folder)
    try:
        half = folder / f"{FILE}.half"
        half.unlink(missing_ok=True)
        # Before the old store goes aside: on a full disk that one is still in place.
        _copy(source, half)
        aside = set_aside(folder / FILE, now)
        half.rename(folder / FILE)
    finally:
        os.close(lock)
    return found, aside


def set_aside(store: Path, now: datetime) -> Path | None:
    """Rename the file of a store and the files that belong to it; None: there was none."""
    if not store.exists():
        return None
    with suppress(sqlite3.Error), closing(sqlite3.connect(store)) as one:
        one.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside = store.with_name(f"{store.name}.{now.strftime(SET_ASIDE)}")
    # All three: a log that stays behind would be replayed into the file that follows.
    for suffix in SUFFIXES:
        part = store.with_name(f"{store.name}{suffix}")
        if part.exists():
            part.rename(aside.with_name(f"{aside.name}{suffix}"))
    return aside
