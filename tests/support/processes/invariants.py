"""The invariants that hold after every fault, once an installation has come to rest."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import nats
from nats.errors import Error as NatsError

from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Change, Family
from stt_shared.protocol.messages import Result
from tests.support.processes import positions
from tests.support.processes.installation import Installation
from tests.support.shared.nats_client import everything

CHECKS = len(builtin().of(Family.POSTGRESQL))
# The server of the tests lacks the function that `stt grants` prints for this check.
UNDECIDED = ("postgresql_hba_not_reloaded",)
OUTCOMES = {"passed", "failed", "skipped"}  # skipped: what does not apply without TLS

PUBLISHED_S = 300.0  # for the last events to leave: on a busy cluster 512 take a minute
DELIVERED_AGAIN_S = 90.0  # ACK_WAIT and half of it: a job is delivered again after ACK_WAIT
POLL_S = 0.2

OUTSTANDING = "SELECT job_id FROM jobs WHERE state IN ('pending', 'dispatched')"
WITHOUT_JOB = "SELECT job_id FROM results WHERE job_id NOT IN (SELECT job_id FROM jobs)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What the brokers hold: results, and the number of messages by subject."""

    results: Counter[tuple[str, str, int]]
    ticks: Counter[str]
    jobs: Counter[str]


async def hold(whole: Installation, run_ids: Sequence[str], targets: int) -> None:
    """Assert I1 to I9 for the runs `run_ids` of `targets` targets each, whose server is unchanged.

    I7, no process ended or needed a restart, is asserted by the installation when it stops.
    """
    for run_id in run_ids:
        await exactly_once(whole, run_id, targets)
    await no_doubled_event(whole)
    assert whole.rows(OUTSTANDING) == [], "I1: jobs are not final"
    assert whole.rows(WITHOUT_JOB) == [], "I2: results of jobs that nobody planned"
    stored = set(whole.rows("SELECT worker, epoch, sequence FROM results"))
    on_nats = await streams(whole.servers)
    doubled = [key for key, number in on_nats.results.items() if number > 1]
    # A job that was handed out again may have two results; each is stored under its own number.
    assert not doubled, f"I2: stored twice on NATS: {doubled}"
    assert set(on_nats.results) <= stored, "I3: a result on NATS is not in the store"
    await positions.agree(whole)
    assert set(on_nats.ticks.values()) <= {1}, f"I5: a slot with two ticks: {on_nats.ticks}"
    await _no_job_left(whole)
    status = await whole.status()
    counts = status.summary.counts
    assert counts.targets == targets, f"I8: {counts}"
    assert counts.not_checked == targets * len(UNDECIDED), f"I8: {counts}"


async def exactly_once(whole: Installation, run_id: str, targets: int) -> None:
    """I1 and I8: each target has each check once in the report, and all were answered."""
    run = await whole.finished(run_id)
    assert (run.jobs, run.done, run.unanswered) == (targets, targets, 0)
    pairs = await whole.pairs(run_id)
    assert set(pairs.values()) == {1}
    assert len(pairs) == targets * CHECKS
    assert {outcome.split()[0] for _, _, outcome in pairs} == OUTCOMES


async def no_doubled_event(whole: Installation) -> None:
    """No event twice, and I9: no finding ended, because nothing on the server changed."""
    await whole.at_rest()
    await _all_published(whole)
    found = await whole.events()
    events = Counter((e.after.id, str(e.change), e.run_id) for e in found)
    assert set(events.values()) == {1}
    opened = {e.after.id for e in found if e.change is Change.OPENED}
    known = {one for (one,) in whole.rows("SELECT id FROM findings")}
    assert opened == known, f"{len(known - opened)} of {len(known)} findings have no event"
    assert not [e for e in found if e.change in (Change.RESOLVED, Change.REOPENED)], "I9"


async def _all_published(whole: Installation) -> None:
    """Wait until nothing is left in the coordinator's outbox."""
    deadline = asyncio.get_running_loop().time() + PUBLISHED_S
    while left := whole.rows("SELECT count(*) FROM outbox")[0][0]:
        late = asyncio.get_running_loop().time() > deadline
        assert not late, f"{left} events were not published: {whole.coordinator.tail()}"
        await asyncio.sleep(POLL_S)


async def _no_job_left(whole: Installation) -> None:
    """I6: every job ends on NATS, at the latest after it was delivered once more.

    An acknowledgement that a fault swallowed is sent again with the second delivery.
    """
    deadline = asyncio.get_running_loop().time() + DELIVERED_AGAIN_S
    while jobs := (await streams(whole.servers)).jobs:
        late = asyncio.get_running_loop().time() > deadline
        assert not late, f"I6: jobs are left on NATS: {jobs}"
        await asyncio.sleep(POLL_S)


async def streams(servers: list[str]) -> Streams:
    """What the streams of these brokers hold now."""
    connection = await nats.connect(servers)
    try:
        stream = connection.jetstream()
        results: Counter[tuple[str, str, int]] = Counter()
        for message in await everything(connection, subjects.STREAM_RESULTS):
            result = codec.decode(Result, message.data)
            results[result.worker, result.epoch, result.sequence] += 1
        # Without the fences, which stand in each of these streams.
        counted = {
            name: (await stream.stream_info(name, subjects_filter=pattern)).state.subjects
            for name, pattern in (
                (subjects.STREAM_TICKS, f"{subjects.ROOT}.tick.>"),
                (subjects.STREAM_JOBS, f"{subjects.ROOT}.job.>"),
            )
        }
    except NatsError as error:
        raise AssertionError(f"the streams cannot be read: {error!r}") from error
    finally:
        await connection.close()
    return Streams(
        results=results,
        ticks=Counter(counted[subjects.STREAM_TICKS] or {}),
        jobs=Counter(counted[subjects.STREAM_JOBS] or {}),
    )
