"""What the streams show of coordinators one after the other: none wrote in another's epoch."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from stt_shared import clock
from stt_shared.protocol import subjects
from stt_shared.protocol.specs import StreamSpec
from stt_shared.protocol.subjects import FENCED
from tests.support.shared.nats_client import everything, one_connection

HEADER = "Nats-Expected-Last-Subject-Sequence"
LISTED_S = 30.0


async def only_the_last_epoch_wrote(servers: list[str], epoch: int) -> None:
    """Assert that nothing was stored late, and that only the consumer of `epoch` is left.

    Beside it stands the one that keeps coordinators of older releases from acting.
    """
    async with one_connection(servers) as connection:
        late = await _written_late(connection)
        assert not late, late
        deadline = clock.monotonic() + LISTED_S
        # A cluster that has lost a node lists a consumer only when its copies have a leader.
        while not (consumers := await _consumers(connection)):
            assert clock.monotonic() < deadline
            await asyncio.sleep(0.2)
    assert consumers == {f"results-{epoch}"}, consumers


async def _consumers(connection: Client) -> set[str]:
    found = await connection.jetstream().consumers_info(subjects.STREAM_RESULTS)
    return {one.name for one in found} - {subjects.placeholder().name}


async def _written_late(connection: Client) -> list[str]:
    """What a stream stored behind its last fence without expecting exactly that fence.

    Messages that compare with their own subject instead are not listed: the control state.
    """
    late: list[str] = []
    for spec in FENCED:
        fence = 0
        for sequence, subject, headers in await _stored(connection, spec):
            if subject.startswith(f"{subjects.ROOT}.fence."):
                fence = sequence
            elif fence and headers.get(HEADER) != str(fence):
                late.append(f"{spec.name} {sequence} {subject} {headers}")
    return late


async def _stored(connection: Client, spec: StreamSpec) -> list[tuple[int, str, dict[str, str]]]:
    """Number, subject and headers of each message of a stream."""
    if spec.retention != "workqueue":
        found = await everything(connection, spec.name)
        return [(one.metadata.sequence.stream, one.subject, one.headers or {}) for one in found]
    # Nobody but its own consumers may read it in order; few messages stay there.
    stream, kept = connection.jetstream(), list[tuple[int, str, dict[str, str]]]()
    sequence = 1
    with suppress(NotFoundError):
        while True:
            one = await stream.get_msg(spec.name, sequence, subject=">", next=True)
            assert one.seq is not None
            kept.append((one.seq, one.subject or "", one.headers or {}))
            sequence = one.seq + 1
    return kept
