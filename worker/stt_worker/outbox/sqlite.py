"""The outbox in a SQLite file: calls run in one thread, and each write is synced to disk."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stt_shared import clock, sqlfile
from stt_shared.errors import ConfigError, ProtocolError
from stt_shared.lifecycle import background_task
from stt_shared.protocol.messages import Result, Watermark
from stt_shared.sqlite.connection import open_writer, transaction
from stt_shared.sqlite.faults import Fault, fault_of
from stt_shared.sqlite.migrations import schema
from stt_shared.telemetry.logs import log_crash, logger
from stt_worker.outbox import recovery
from stt_worker.outbox.port import (
    MAX_AHEAD,
    PAGE_ROWS,
    REMEMBERED,
    Finished,
    OutboxError,
    Row,
    row_of,
)

T = TypeVar("T")
FILE = "outbox.db"
BUSY_S = 2.0  # wait for the lock of another process
_SQL = sqlfile.folder("stt_worker.outbox")
_LOG = logger("outbox")
_QUERIES = sqlfile.statements(_SQL / "queries.sql")
SCHEMA = schema("outbox", "worker", _SQL / "migrations")
_Appended = Row | ProtocolError
_Traced = tuple[Result, str]  # with the traceparent of its span


class SqliteOutbox:
    """An Outbox that survives crashes and power failures; opened by `open_outbox`."""

    def __init__(self, path: Path, executor: ThreadPoolExecutor) -> None:
        self._path = path
        self._executor = executor
        self._waiting: list[tuple[_Traced, asyncio.Future[Row]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._connection: sqlite3.Connection
        self._is_open = False
        self._stamp: recovery.Stamp = ()
        self.epoch = ""
        self._sequence = 0
        self._size = 0
        self._confirmed: set[int] = set()  # of the rows: NATS has these messages

    @property
    def size(self) -> int:
        """The number of results above the watermark."""
        return self._size

    async def append(self, result: Result, traceparent: str = "") -> Row:
        """See the port; results that wait together share one transaction."""
        future: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
        self._waiting.append(((result, traceparent), future))
        # One writer: what arrives while it syncs goes into its next transaction, so a burst of
        # results costs a few syncs instead of one each.
        if self._writer is None or self._writer.done():
            # Empty context: the writer serves other jobs too, and must not log this job's ids.
            self._writer = background_task(
                self._write_waiting(), "outbox", log_crash, context=Context()
            )
        return await future

    async def finished(self, job_id: str, dispatch: int) -> Finished | None:
        """See the port."""

        def read() -> Finished | None:
            entry = self._run("journal_of", job_id=job_id, dispatch=dispatch).fetchone()
            if entry is None:
                return None
            found = self._run("row", sequence=entry[0]).fetchone()
            return Finished(row=_row(found) if found else None)

        return await self._call(read)

    async def pending(self, after: int = 0, limit: int = PAGE_ROWS) -> list[Row]:
        """See the port."""
        return await self._call(
            lambda: [_row(r) for r in self._run("pending", after=after, limit=limit).fetchall()]
        )

    async def replace(self, row: Row) -> None:
        """See the port."""
        await self._call(lambda: self._run("replace_row", sequence=row.sequence, data=row.data))

    def confirm(self, sequences: Iterable[int]) -> None:
        """See the port."""
        self._confirmed.update(sequences)

    async def covered(self, watermark: Watermark, now: datetime) -> None:
        """See the port."""
        # Of another outbox: results would be deleted that nobody has stored.
        if watermark.epoch != self.epoch:
            return
        sequence, before = watermark.sequence, clock.to_text(now - REMEMBERED)
        if sequence > self._sequence + MAX_AHEAD:
            _LOG.warning("watermark_ahead", sequence=sequence, highest=self._sequence)
            return

        def forget() -> None:
            # Above our highest position: this file is an older copy, or somebody else sends under
            # our name. What we hold may be missing there: it is sent once more before it goes.
            is_ahead = sequence > self._sequence
            if is_ahead:
                _LOG.warning("watermark_ahead", sequence=sequence, highest=self._sequence)
            gone = {one for one in self._confirmed if one <= sequence and not is_ahead}
            with transaction(self._connection):
                rows = ({"sequence": one} for one in gone)
                self._connection.executemany(_QUERIES["delete_row"], rows)
                self._run("forget_journal", before=before)
                self._run("forget_attempts", before=before)
                # Without this positions would be used twice.
                self._run("set_sequence", sequence=sequence)
            self._confirmed -= gone
            self._sequence = max(self._sequence, sequence)
            self._size = self._run("count").fetchone()[0]

        await self._call(forget)

    async def starts(self, job_id: str, dispatch: int) -> int:
        """See the port."""
        found = await self._call(
            lambda: self._run("starts_of", job_id=job_id, dispatch=dispatch).fetchone()
        )
        return int(found[0]) if found else 0

    async def count_start(self, job_id: str, dispatch: int, now: datetime) -> None:
        """See the port."""
        started = clock.to_text(now)
        await self._call(
            lambda: self._run("count_start", job_id=job_id, dispatch=dispatch, started=started)
        )

    async def close(self) -> None:
        """Finish the current write and close the file."""
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)
        with suppress(OutboxError):
            # A lambda, not the method: `_call` may replace the connection before the call.
            await self._call(lambda: self._connection.close())  # noqa: PLW0108  # see above
        self._executor.shutdown(wait=False)

    async def opened(self) -> SqliteOutbox:
        """Open the file and migrate it; raises ConfigError with its path and the reason."""

        def open_file() -> None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Before the file is opened: opening would create an empty file at the path.
            recovery.finish(self._path)
            self._connect()

        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, open_file)
        except ConfigError:
            self._executor.shutdown(wait=False)
            raise
        except (sqlite3.Error, OSError) as error:
            self._executor.shutdown(wait=False)
            reason = (error.strerror or "").lower() if isinstance(error, OSError) else str(error)
            hint = "use another folder: --state-dir or STT_WORKER_STATE_DIR"
            if fault_of(error) is Fault.BUSY:
                hint = "another worker on this machine may use it: give each worker its own folder"
            what = f"cannot open the outbox {self._path} ({reason})"
            raise ConfigError(what, hint=hint) from error
        return self

    def _connect(self) -> None:
        # One process only: two with one position counter would each use the other's positions.
        self._connection = open_writer(
            self._path, SCHEMA, busy_s=BUSY_S, pragmas=("locking_mode = EXCLUSIVE",)
        )
        try:
            with transaction(self._connection):
                self._run("create_identity", epoch=secrets.token_hex(8))
            self.epoch, self._sequence = self._run("identity").fetchone()
            self._size = self._run("count").fetchone()[0]
            self._stamp, self._is_open = recovery.stamp(self._path), True
        except sqlite3.Error:
            self._connection.close()
            raise

    def _restore(self) -> None:
        beside = self._path.with_name(self._path.name + recovery.BESIDE)
        if self._is_open:
            beside = recovery.copy(self._connection, self._path)
            # Closed before another file has its name: closing removes the log of that name.
            self._connection.close()
            # First: if the file cannot be put in place, this connection must not be used again.
            self._is_open = False
        aside = recovery.put_in_place(beside, self._path) if beside.exists() else None
        self._connect()
        _LOG.error(
            "outbox_restored",
            path=str(self._path),
            results=self._size,
            set_aside=str(aside) if aside else "",
        )

    async def _call(self, work: Callable[[], T]) -> T:
        """Do `work` on the file at the path; restore it first if it was deleted or replaced."""

        def checked() -> T:
            if recovery.stamp(self._path) != self._stamp:
                self._restore()
            return work()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, checked)
        except (sqlite3.Error, OSError, RuntimeError) as error:  # RuntimeError: closed already
            raise OutboxError(f"cannot use the outbox {self._path} ({error})") from error

    def _run(self, name: str, **parameters: object) -> sqlite3.Cursor:
        return self._connection.execute(_QUERIES[name], parameters)

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            results = [result for result, _ in batch]
            try:
                appended: list[_Appended] | OutboxError = await self._call(
                    lambda results=results: self._append(results)  # type: ignore[misc]  # bound now
                )
            except OutboxError as error:
                appended = error
            except Exception as error:  # noqa: BLE001  # an edge: the jobs wait for these futures
                appended = OutboxError(f"cannot write to the outbox ({error!r})")
            for index, (_, future) in enumerate(batch):
                one = appended if isinstance(appended, OutboxError) else appended[index]
                # Done already if its job was cancelled meanwhile: its row stays and is published.
                if future.done():
                    continue
                if isinstance(one, Row):
                    future.set_result(one)
                else:
                    future.set_exception(one)

    def _append(self, results: list[_Traced]) -> list[_Appended]:
        appended: list[_Appended] = []
        sequence = self._sequence
        with transaction(self._connection):
            (first,) = self._run("first").fetchone()
            for result, traceparent in results:
                at = sequence + 1
                numbered = msgspec.structs.replace(
                    result, epoch=self.epoch, sequence=at, oldest=first or at
                )
                try:
                    row = row_of(numbered, traceparent)
                except ProtocolError as error:
                    appended.append(error)
                    continue
                sequence, first = at, first or at
                self._run("insert_row", **asdict(row))
                self._run(
                    "insert_journal",
                    job_id=result.job_id,
                    dispatch=result.dispatch,
                    sequence=row.sequence,
                    finished=clock.to_text(result.finished),
                )
                appended.append(row)
            # In the same transaction: after a crash a position must not be given a second time.
            self._run("set_sequence", sequence=sequence)
        # After the commit: a transaction that failed has used no position.
        self._size += sequence - self._sequence
        self._sequence = sequence
        return appended


def _row(values: tuple[Any, ...]) -> Row:
    names = ("sequence", "subject", "message_id", "data", "traceparent")
    return Row(**dict(zip(names, values, strict=True)))


async def open_outbox(directory: Path) -> SqliteOutbox:
    """Open the outbox in `directory`, created if missing; raises ConfigError.

    Only one process can have it open.
    """
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
    return await SqliteOutbox(directory / FILE, executor).opened()
