"""A copy of the store while a coordinator writes it, and its way back."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA, locked
from stt_coordinator.store.sqlite.file.health import BACKUP_MARK
from stt_shared import sqlfile
from stt_shared.errors import ConfigError
from stt_shared.sqlite.connection import file_as_it_is

SQL = sqlfile.statements(sqlfile.folder("stt_coordinator.store") / "backup.sql")
KEPT = "%Y%m%dt%H%M%S"  # when the store that is kept was put aside
SUFFIXES = ("", "-wal", "-shm")  # a store is up to three files
SOUND = [("ok",)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What a file holds: its schema's number, runs and open findings, and its size in bytes."""

    path: Path
    version: int
    runs: int
    findings: int
    size: int


def backup(folder: Path, target: Path) -> Copy:
    """Copy the store of `folder` to `target`, as of one moment; writers go on meanwhile.

    Raises ConfigError if there is no store, `target` exists or cannot be written, or the copy is
    not sound; then there is no `target`.
    """
    source = folder / FILE
    if not source.exists():
        raise ConfigError(f"no store in {folder}", hint="name its folder: --state-dir")
    if target.exists():
        raise ConfigError(f"{target} exists", hint="backups overwrite nothing: name another file")
    half = target.with_name(f"{target.name}.half")
    try:
        _copied(source, half)
        found = examined(half)
        half.rename(target)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # it only tells stt doctor when; the copy is there
        (folder / BACKUP_MARK).write_text(f"{target}\n", encoding="utf-8")
    return Copy(
        path=target,
        version=found.version,
        runs=found.runs,
        findings=found.findings,
        size=found.size,
    )


def _copied(source: Path, half: Path) -> None:
    try:
        os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with (
            file_as_it_is(source) as store,
            closing(sqlite3.connect(half)) as copy,
        ):
            store.backup(copy)  # in one step: a reader's view, which holds up no writer
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, to be carried away
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"cannot copy {source} to {half.parent} ({error})") from error


def examined(path: Path) -> Copy:
    """What a copy holds; raises ConfigError if it is none, is damaged, or is of a newer version."""
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
        raise ConfigError(f"{path} is no backup of a store ({error})") from error
    return Copy(path=path, version=version, runs=runs, findings=findings, size=path.stat().st_size)


def restore(source: Path, folder: Path, now: datetime) -> tuple[Copy, Path | None]:
    """Put the backup `source` in the place of the store of `folder`; also where that one went.

    Raises ConfigError if a coordinator uses the folder, or as `examined`; then nothing changed.
    """
    found = examined(source)
    lock = locked(folder)
    try:
        half = folder / f"{FILE}.half"
        half.unlink(missing_ok=True)
        _copied(source, half)
        kept = _put_aside(folder, now)
        half.rename(folder / FILE)
    finally:
        os.close(lock)
    return found, kept


def _put_aside(folder: Path, now: datetime) -> Path | None:
    """Rename the store that is there, with what belongs to it."""
    store = folder / FILE
    if not store.exists():
        return None
    with suppress(sqlite3.Error), closing(sqlite3.connect(store)) as one:
        one.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = folder / f"{FILE}.{now.strftime(KEPT)}"
    for suffix in SUFFIXES:
        part = store.with_name(f"{store.name}{suffix}")
        if part.exists():
            part.rename(kept.with_name(f"{kept.name}{suffix}"))
    return kept
