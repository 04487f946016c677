"""A thief holds the key of a viewer or of a subscriber of events, on a real nats-server.

Each request may be sent with that key; its reply subject is one that the thief may not use. A
coordinator runs and answers. That the answers were sent is seen in the account of the thief.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import Empty, Verb
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from tests.support.cli.accounts_site import COORDINATOR, EVENTS, VIEW, Site, accounts_on_nats
from tests.support.cli.thieves import EFFECTS, WAIT_S, Heard, heard_by, of_clients, overheard, raw
from tests.support.coordinator.coordination import ask, enable, finished, running, status

NEXT = "$JS.API.CONSUMER.MSG.NEXT.STT_EVENTS.events"
PULLS = (b'{"batch":1,"no_wait":true}', b'{"batch":1,"expires":300000000}')
WORDS = (b"+ACK", b"-NAK", b"+WPI", b"+TERM", b"+NXT", b'+NXT {"batch":5,"no_wait":true}')
EVENT = Outgoing(subject="stt.v1.event.target.claimed.postgresql.eu.books", data=b"{}")
# Of the coordinator itself: it renews its lease, and publishes events and summaries.
GOALS = [
    goal
    for goal in EFFECTS
    if not goal.startswith(("stt.v1.event", "stt.v1.summary", "$KV.stt_lease"))
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with accounts_on_nats(tmp_path_factory.mktemp("people"), []) as made:
        yield made


@asynccontextmanager
async def coordinating(site: Site) -> AsyncGenerator[JetStreamBus]:
    """A coordinator that is enabled; what the block does changes neither that nor its runs."""
    bus = await site.bus(COORDINATOR)
    try:
        await bus.ensure(subjects.STREAMS, [subjects.subscriber("events")])
        async with running(bus, MemoryStore()):
            run = await finished(bus, (await enable(bus)).run_id)
            before = (await status(bus)).state
            yield bus
            assert (await status(bus)).state == before
            runs = (await ask(bus, Verb.RUNS, RunsRequest(), RunsReply)).runs
            assert [one.run_id for one in runs] == [run.run_id]
    finally:
        await bus.close()


async def until_each_arrives(heard: Heard) -> None:
    """Wait until an answer arrived at each goal, in the account of who asked."""
    async with asyncio.timeout(30):
        while set(GOALS) - {subject for subject, _ in heard}:  # noqa: ASYNC110  # no event
            await asyncio.sleep(WAIT_S / 10)


async def test_no_answer_of_the_coordinator_is_redirected_by_a_viewer(site: Site) -> None:
    asked = [subjects.control(verb) for verb in (Verb.STATUS, Verb.RUNS, Verb.HEALTH)]
    async with (
        coordinating(site),
        overheard(site, "stt.v1.control.>", *GOALS) as heard,
        raw(site, VIEW) as viewer,
        heard_by(viewer, *GOALS) as answered,
    ):
        for goal in GOALS:
            await viewer.publish("$JS.API.INFO", b"", reply=goal)
            for subject in asked:
                await viewer.publish(subject, codec.encode(Empty()), reply=goal)
        await until_each_arrives(answered)
    # The requests arrive; of the answers, and of the goals, nothing does.
    assert set(of_clients(heard)) == set(asked)


async def test_neither_events_nor_answers_to_acks_are_redirected_by_a_subscriber(
    site: Site,
) -> None:
    async with (
        coordinating(site) as bus,
        overheard(site, *GOALS) as heard,
        raw(site, EVENTS) as thief,
    ):
        async with heard_by(thief, *GOALS) as pulled:
            for goal in GOALS:
                for body in PULLS:
                    await bus.publish([EVENT])
                    await thief.publish(NEXT, body, reply=goal)
            await until_each_arrives(pulled)
        # Acknowledgements of what was delivered, whose answers, or next events, go to a goal.
        async with heard_by(thief, *GOALS) as answered:
            for goal in GOALS:
                # What was asked for by acknowledgements before this still waits, and gets events.
                await bus.publish([EVENT] * 12)
                message = await thief.request(NEXT, b"", timeout=30, old_style=True)
                for word in WORDS:
                    await thief.publish(message.reply, word, reply=goal)
            await until_each_arrives(answered)
    assert heard == []
