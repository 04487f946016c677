"""Whether store, NATS and workers agree on each position of an outbox: invariants I3 and I4."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import nats
from nats.js.errors import NotFoundError

from stt_shared import clock
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Watermark
from stt_worker.outbox.sqlite import FILE
from tests.support.processes.installation import Installation

PUBLISHED_S = 90.0
POLL_S = 0.2

Outbox = tuple[str, str]  # worker, epoch


@dataclass(frozen=True, kw_only=True)
class _Outbox:
    """What the file of a worker's outbox has."""

    epoch: str
    highest: int
    rows: list[int]


async def agree(whole: Installation) -> None:
    """Assert that each worker has dropped exactly what the store has, and that nothing is missing.

    Read from the files and the bucket themselves, not from what a worker or a coordinator reports.
    """
    rows = whole.rows("SELECT worker, epoch, sequence FROM results")
    stored = {outbox: set[int]() for outbox in {(worker, epoch) for worker, epoch, _ in rows}}
    for worker, epoch, sequence in rows:
        stored[worker, epoch].add(sequence)
    for outbox, positions in stored.items():
        missing = set(range(1, max(positions) + 1)) - positions
        assert not missing, f"I4: the store lacks positions of {outbox}: {sorted(missing)}"
    highest = {outbox: max(positions) for outbox, positions in stored.items()}
    kept = whole.rows("SELECT worker, epoch, sequence FROM watermarks")
    marks = {(worker, epoch): sequence for worker, epoch, sequence in kept}
    assert marks == highest, f"I3: watermarks {marks}, highest stored positions {highest}"
    # A server that lost the bucket gets it again at the next look of the coordinator.
    ends = clock.monotonic() + PUBLISHED_S
    while (published := await _published(whole)) != highest:
        late = clock.monotonic() > ends
        assert not late, f"I3: on NATS {published}, highest stored positions {highest}"
        await asyncio.sleep(POLL_S)
    for worker in whole.workers:
        await _dropped_all(worker.environment, highest)


async def _dropped_all(environment: dict[str, str], highest: dict[Outbox, int]) -> None:
    """Wait until the outbox of a worker has no row; assert that no higher position was given."""
    name = environment["STT_WORKER_NAME"]
    ends = clock.monotonic() + PUBLISHED_S
    while (found := _outbox(Path(environment["STT_WORKER_STATE_DIR"]))).rows:
        assert clock.monotonic() < ends, f"I4: {name} still holds {found.rows}"
        await asyncio.sleep(POLL_S)
    given = highest.get((name, found.epoch), 0)
    assert found.highest == given, f"I3: {name} gave positions up to {found.highest}, not {given}"


def _outbox(folder: Path) -> _Outbox:
    with TemporaryDirectory() as copies:
        # The worker keeps its file locked for as long as it runs. At rest it writes nothing.
        for file in folder.glob(f"{FILE}*"):
            shutil.copy(file, copies)
        with closing(sqlite3.connect(Path(copies) / FILE)) as connection:
            ((epoch, highest),) = connection.execute("SELECT epoch, sequence FROM identity")
            rows = connection.execute("SELECT sequence FROM outbox").fetchall()
    return _Outbox(epoch=epoch, highest=highest, rows=[sequence for (sequence,) in rows])


async def _published(whole: Installation) -> dict[Outbox, int]:
    connection = await nats.connect(whole.servers)
    try:
        stream = connection.jetstream()
        bucket = subjects.kv_stream(subjects.BUCKET_WATERMARK)
        found: dict[Outbox, int] = {}
        for worker in {process.environment["STT_WORKER_NAME"] for process in whole.workers}:
            key = subjects.kv(subjects.BUCKET_WATERMARK, worker)
            try:
                message = await stream.get_last_msg(bucket, key, direct=True)
            except NotFoundError:
                continue
            mark = codec.decode(Watermark, message.data or b"")
            found[mark.worker, mark.epoch] = mark.sequence
            found |= {(mark.worker, other.epoch): other.sequence for other in mark.others}
    finally:
        await connection.close()
    return found
