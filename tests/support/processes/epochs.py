"""What the streams show of coordinators one after the other: none wrote in another's epoch."""

from __future__ import annotations

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from stt_shared.protocol import subjects
from stt_shared.protocol.subjects import FENCED
from tests.support.shared.nats_client import one_connection

HEADER = "Nats-Expected-Last-Subject-Sequence"


async def only_the_last_epoch_wrote(servers: list[str], epoch: int) -> None:
    """Assert that nothing was stored late, and that only the consumer of `epoch` is left.

    Beside it stands the one that keeps coordinators of older releases from acting.
    """
    async with one_connection(servers) as connection:
        late = await _written_late(connection)
        assert not late, late
        found = await connection.jetstream().consumers_info(subjects.STREAM_RESULTS)
    consumers = {one.name for one in found} - {subjects.placeholder().name}
    assert consumers == {f"results-{epoch}"}, consumers


async def _written_late(connection: Client) -> list[str]:
    """What a stream stored behind its last fence without expecting exactly that fence.

    Messages that compare with their own subject instead are not listed: the control state.
    """
    late: list[str] = []
    stream = connection.jetstream()
    for spec in FENCED:
        state = (await stream.stream_info(spec.name)).state
        fence = 0
        for sequence in range(state.first_seq, state.last_seq + 1):
            try:
                one = await stream.get_msg(spec.name, sequence)
            except NotFoundError:
                continue
            subject = one.subject or ""
            if subject.startswith(f"{subjects.ROOT}.fence."):
                fence = sequence
            elif fence and (one.headers or {}).get(HEADER) != str(fence):
                late.append(f"{spec.name} {sequence} {subject} {one.headers}")
    return late
