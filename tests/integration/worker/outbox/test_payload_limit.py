"""A result above the limit of a real nats-server is shortened, and stops no other result."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import nats

from stt_coordinator.local.servers import nats as embedded_nats
from stt_shared.bus.jetstream import NatsOptions, connect
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Kind, Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome, Finding, Result
from stt_worker.outbox.port import row_of
from stt_worker.outbox.sender import Sender
from stt_worker.outbox.shortened import HEADER_BYTES, shortened
from stt_worker.outbox.sqlite import open_outbox
from tests.support.worker.outbox_rows import result

MAX_PAYLOAD = 16 * 1024
LIMIT_S = 30.0


def large(number: int, findings: int) -> Result:
    found = tuple(
        Finding(key=f"k{n}", severity=Severity.MAJOR, summary="s" * 100) for n in range(findings)
    )
    outcomes = (
        CheckOutcome(check="large", outcome=Outcome.FAILED, findings=found),
        CheckOutcome(check="small", outcome=Outcome.FAILED, findings=found[:1]),
    )
    return msgspec.structs.replace(result(number), outcomes=outcomes)


async def test_a_result_made_before_the_limit_was_lowered_loses_its_largest_outcome_only(
    tmp_path: Path,
) -> None:
    running = embedded_nats.start(tmp_path / "nats", extra=f"max_payload: {MAX_PAYLOAD}")
    outbox = await open_outbox(tmp_path)
    bus = await connect(NatsOptions(servers=(running.url,)))
    try:
        await bus.ensure(subjects.STREAMS, [])
        rows = [await outbox.append(one) for one in (large(1, 200), result(2), large(3, 200))]
        assert len(rows[0].data) > MAX_PAYLOAD
        sender = Sender(bus=bus, outbox=outbox, worker="w1", expected=lambda: 0)
        sending = asyncio.create_task(sender.run())
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*(sender.publish(row) for row in rows))
        sending.cancel()
        stored = {one.sequence: one for one in await _stored(running.url)}
        kept = await outbox.pending()
    finally:
        await bus.close()
        await outbox.close()
        running.stop()
    assert sorted(stored) == [1, 2, 3]
    lost, small = stored[1].outcomes
    assert (lost.outcome, lost.kind, lost.findings) == (Outcome.ERROR, Kind.TOO_LARGE, ())
    assert "200 findings (200 major)" in lost.reason
    assert (small.outcome, len(small.findings)) == (Outcome.FAILED, 1)
    # What was shortened stays so: after a restart the whole one is not tried again.
    assert [len(row.data) < MAX_PAYLOAD for row in kept] == [True, True, True]


async def _stored(url: str) -> list[Result]:
    client = await nats.connect(url)
    try:
        stream = client.jetstream()
        state = (await stream.stream_info(subjects.STREAM_RESULTS)).state
        found = [
            await stream.get_msg(subjects.STREAM_RESULTS, number)
            for number in range(state.first_seq, state.last_seq + 1)
        ]
    finally:
        await client.close()
    return [codec.decode(Result, one.data or b"") for one in found]


def test_outcomes_that_alone_exceed_the_limit_are_left_out_with_the_reason() -> None:
    outcomes = tuple(
        CheckOutcome(check=f"c{n}", outcome=Outcome.PASSED, reason="x" * (100 + n))
        for n in range(50)
    )
    whole = msgspec.structs.replace(result(1), outcomes=outcomes)
    row = row_of(msgspec.structs.replace(whole, epoch="e1", sequence=1))
    for limit in range(1_600, len(row.data) + HEADER_BYTES, 97):
        shorter = shortened(row, limit)
        assert shorter is not None
        assert len(shorter.data) <= limit - HEADER_BYTES
        found = codec.decode(Result, shorter.data)
        assert found.outcomes == outcomes[: len(found.outcomes)], "the smallest, in their order"
        size = len(row.data)
        sentence = f"the result of {size} bytes exceeds the limit of {limit} bytes of NATS"
        assert found.left_out == sentence
        room = limit - HEADER_BYTES - len(shorter.data)
        assert room < 400, f"{room} bytes are not used"


async def test_a_limit_below_an_empty_result_shortens_nothing(tmp_path: Path) -> None:
    outbox = await open_outbox(tmp_path)
    try:
        row = await outbox.append(large(1, 3))
    finally:
        await outbox.close()
    assert shortened(row, 1_200) is None
