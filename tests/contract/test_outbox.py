"""What every outbox promises: positions without gaps, nothing forgotten before it is covered."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from stt_shared.errors import ConfigError, ProtocolError
from stt_shared.protocol import codec
from stt_shared.protocol.messages import Result, Watermark
from stt_worker.outbox.memory import MemoryOutbox
from stt_worker.outbox.port import MAX_AHEAD, Outbox, OutboxError, row_of
from stt_worker.outbox.sqlite import FILE, open_outbox
from tests.support.worker.outbox_rows import AT, epoch_of, result, watermark


@pytest.fixture(params=["memory", "sqlite"])
async def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Outbox]:
    made: Outbox = MemoryOutbox() if request.param == "memory" else await open_outbox(tmp_path)
    yield made
    await made.close()


async def sequences(outbox: Outbox) -> list[int]:
    return [row.sequence for row in await outbox.pending()]


async def test_positions_are_one_two_three_however_many_are_appended_at_once(
    outbox: Outbox,
) -> None:
    first = await outbox.append(result(0))
    rows = await asyncio.gather(*(outbox.append(result(n)) for n in range(1, 50)))
    assert sorted([first.sequence, *(row.sequence for row in rows)]) == list(range(1, 51))
    assert await sequences(outbox) == list(range(1, 51))
    assert outbox.size == 50


async def test_a_row_is_the_message_with_its_own_epoch_and_position(outbox: Outbox) -> None:
    row = await outbox.append(result(7))
    sent = codec.decode(Result, row.data)
    assert (sent.sequence, sent.epoch) == (row.sequence, epoch_of(outbox))
    assert row.subject == "stt.v1.result.mysql.default.t7.w1"
    assert row.message_id == f"run.t7/1-7-1/{epoch_of(outbox)}"
    assert await outbox.pending() == [row]


def test_two_workers_with_the_same_execution_are_not_taken_for_one() -> None:
    """A broker that was killed forgets that it delivered a job, and counts from one again."""
    mine, theirs = result(7), result(7)
    ids = {
        row_of(msgspec.structs.replace(one, epoch=epoch, sequence=1)).message_id
        for one, epoch in ((mine, "e1"), (theirs, "e2"))
    }
    assert len(ids) == 2


async def test_a_result_that_is_too_large_uses_up_no_position(outbox: Outbox) -> None:
    huge = result(1, reason="x" * codec.MAX_MESSAGE_BYTES)
    small, large = await asyncio.gather(
        outbox.append(result(0)), outbox.append(huge), return_exceptions=True
    )
    assert not isinstance(small, BaseException)
    assert isinstance(large, ProtocolError)
    assert large.code == "too_large"
    assert (await outbox.append(result(2))).sequence == 2
    assert await outbox.finished("run.t1", 1) is None


async def test_a_finished_job_is_known_also_after_it_is_covered(outbox: Outbox) -> None:
    row = await outbox.append(result(1))
    outbox.confirm([1])
    found = await outbox.finished("run.t1", 1)
    assert found is not None
    assert found.row == row
    await outbox.covered(watermark(outbox, 1), AT)
    found = await outbox.finished("run.t1", 1)
    assert found is not None
    assert found.row is None
    assert await outbox.finished("run.t1", 2) is None
    assert await outbox.finished("other.t1", 1) is None


async def test_only_what_the_watermark_covers_is_forgotten(outbox: Outbox) -> None:
    for number in range(5):
        await outbox.append(result(number))
    outbox.confirm(range(1, 6))
    await outbox.covered(watermark(outbox, 3), AT)
    assert await sequences(outbox) == [4, 5]
    await outbox.covered(watermark(outbox, 2), AT)
    assert await sequences(outbox) == [4, 5]
    assert outbox.size == 2


async def test_what_nats_has_not_confirmed_is_kept_whatever_the_watermark(outbox: Outbox) -> None:
    for number in range(3):
        await outbox.append(result(number))
    outbox.confirm([1, 3])
    await outbox.covered(watermark(outbox, 3), AT)
    assert await sequences(outbox) == [2]
    outbox.confirm([2])
    await outbox.covered(watermark(outbox, 3), AT)
    assert (await sequences(outbox), outbox.size) == ([], 0)


async def test_each_result_states_the_oldest_one_that_the_outbox_still_has(outbox: Outbox) -> None:
    async def oldest(number: int) -> int:
        return codec.decode(Result, (await outbox.append(result(number))).data).oldest

    assert [await oldest(number) for number in (1, 2, 3)] == [1, 1, 1]
    outbox.confirm([1, 2])
    await outbox.covered(watermark(outbox, 2), AT)
    assert await oldest(4) == 3
    outbox.confirm([3, 4])
    await outbox.covered(watermark(outbox, 4), AT)
    assert await oldest(5) == 5


@pytest.mark.parametrize("sequence", [MAX_AHEAD + 2, 2**63 - 1, 2**63, 2**64 - 1, -(2**63)])
async def test_a_watermark_that_cannot_be_uses_up_no_position(
    outbox: Outbox, sequence: int
) -> None:
    await outbox.append(result(1))
    outbox.confirm([1])
    for _ in range(2):
        await outbox.covered(watermark(outbox, sequence), AT)
    assert await sequences(outbox) == [1]
    assert (await outbox.append(result(2))).sequence == 2


async def test_a_watermark_of_another_epoch_covers_nothing(outbox: Outbox) -> None:
    await outbox.append(result(1))
    outbox.confirm([1])
    await outbox.covered(Watermark(worker="w1", epoch="other", sequence=9), AT)
    assert await sequences(outbox) == [1]


async def test_a_watermark_ahead_of_the_outbox_keeps_its_positions_from_being_given_again(
    outbox: Outbox,
) -> None:
    await outbox.append(result(1))
    outbox.confirm([1])
    await outbox.covered(watermark(outbox, 9), AT)
    # Whoever made the watermark rise may not have what is here: it goes with the next one.
    assert await sequences(outbox) == [1]
    await outbox.covered(watermark(outbox, 9), AT)
    assert await sequences(outbox) == []
    assert (await outbox.append(result(2))).sequence == 10


async def test_jobs_are_remembered_longer_than_nats_keeps_them(outbox: Outbox) -> None:
    await outbox.append(result(1))
    await outbox.covered(watermark(outbox, 1), AT + timedelta(hours=48))
    assert await outbox.finished("run.t1", 1) is not None
    await outbox.covered(watermark(outbox, 1), AT + timedelta(hours=50))
    assert await outbox.finished("run.t1", 1) is None


async def test_pending_rows_come_page_by_page(outbox: Outbox) -> None:
    for number in range(5):
        await outbox.append(result(number))
    assert [row.sequence for row in await outbox.pending(after=1, limit=2)] == [2, 3]
    assert await outbox.pending(after=5) == []


async def test_starts_are_counted_per_job_and_dispatch(outbox: Outbox) -> None:
    assert await outbox.starts("run.t1", 1) == 0
    await outbox.count_start("run.t1", 1, AT)
    await outbox.count_start("run.t1", 1, AT)
    assert (await outbox.starts("run.t1", 1), await outbox.starts("run.t1", 2)) == (2, 0)


async def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    first = await open_outbox(tmp_path)
    row = await first.append(result(1))
    await first.count_start("run.t9", 1, AT)
    await first.close()
    second = await open_outbox(tmp_path)
    assert (second.epoch, second.size) == (first.epoch, 1)
    assert await second.pending() == [row]
    assert await second.starts("run.t9", 1) == 1
    assert (await second.append(result(2))).sequence == 2
    await second.close()


async def test_a_new_file_is_a_new_epoch(tmp_path: Path) -> None:
    one, two = await open_outbox(tmp_path / "a"), await open_outbox(tmp_path / "b")
    assert one.epoch != two.epoch
    await one.close()
    await two.close()


async def test_a_full_disk_is_an_error_that_loses_nothing_and_passes(tmp_path: Path) -> None:
    outbox = await open_outbox(tmp_path)
    await outbox.append(result(1))
    pages = await outbox._call(lambda: limit_pages(outbox._connection, 0))
    big = result(2, reason="x" * 500_000)
    with pytest.raises(OutboxError, match="full"):
        await outbox.append(big)
    assert await sequences(outbox) == [1]
    await outbox._call(lambda: limit_pages(outbox._connection, pages))
    assert (await outbox.append(big)).sequence == 2
    await outbox.close()


def limit_pages(connection: sqlite3.Connection, pages: int) -> int:
    """Let the file have `pages` pages, 0: not one more; returns what it might have before."""
    (before,) = connection.execute("PRAGMA max_page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages or 1}")
    return int(before)


async def test_an_outbox_in_use_is_refused_to_a_second_process(tmp_path: Path) -> None:
    outbox = await open_outbox(tmp_path)
    program = (
        "import asyncio, pathlib, sys\n"
        "from stt_worker.outbox.sqlite import open_outbox\n"
        "asyncio.run(open_outbox(pathlib.Path(sys.argv[1])))\n"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    second = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert "database is locked" in second.stderr
    await outbox.close()


async def test_a_file_that_is_no_outbox_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(ConfigError, match=FILE):
        await open_outbox(tmp_path)


async def test_an_outbox_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    newer = sqlite3.connect(tmp_path / FILE)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(ConfigError, match="has version 99, this program knows up to"):
        await open_outbox(tmp_path)


async def test_a_closed_outbox_says_so(tmp_path: Path) -> None:
    outbox = await open_outbox(tmp_path)
    await outbox.close()
    with pytest.raises(OutboxError):
        await outbox.append(result(1))


async def test_a_result_whose_job_is_cancelled_meanwhile_still_gets_in(outbox: Outbox) -> None:
    appending = asyncio.ensure_future(outbox.append(result(1)))
    await asyncio.sleep(0)
    appending.cancel()
    await asyncio.gather(appending, return_exceptions=True)
    row = await outbox.append(result(2))
    assert row.sequence in (1, 2)
    assert len(await outbox.pending()) == row.sequence


async def test_a_result_keeps_its_place_in_a_trace_until_it_is_sent(tmp_path: Path) -> None:
    before = await open_outbox(tmp_path)
    place = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert (await before.append(result(1), place)).traceparent == place
    await before.append(result(2))
    await before.close()
    after = await open_outbox(tmp_path)
    assert [row.traceparent for row in await after.pending()] == [place, ""]
    await after.close()


async def test_a_replaced_message_stays_at_its_position_and_nothing_comes_back(
    outbox: Outbox,
) -> None:
    first, second = await outbox.append(result(1)), await outbox.append(result(2))
    outbox.confirm([1])
    await outbox.replace(replace(first, data=b"shorter"))
    assert await outbox.pending() == [replace(first, data=b"shorter"), second]
    await outbox.covered(watermark(outbox, 1), AT)
    await outbox.replace(first)
    assert (await sequences(outbox), outbox.size) == ([2], 1)
