"""Events that the brokers lost are published again from the store, with the ids they had."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import nats
import pytest
from nats.js.errors import NotFoundError

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.sqlite.store import open_store
from stt_coordinator.tasks import replay
from stt_shared import clock
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.protocol import subjects
from stt_shared.protocol.audit import AuditReply, AuditRequest
from stt_shared.protocol.control import Verb
from stt_shared.protocol.queries.history import EventsReplayReply, EventsReplayRequest
from tests.support.coordinator.coordination import ask, until
from tests.support.coordinator.on_nats import connected, coordinating
from tests.support.coordinator.store_rows import finding, opened, run

DAY = timedelta(days=1)
OLD, NEW = 5, 30


async def filled(folder: Path) -> None:
    """A store with OLD events of two days ago, NEW ones of now, and a finished run."""
    now = clock.now()
    store = await open_store(folder)

    def record(ledger: Ledger) -> None:
        at = [now - 2 * DAY] * OLD + [now] * NEW
        ledger.history.add(opened(finding(f"f_{n}"), when) for n, when in enumerate(at))
        ledger.runs.put(run(slot=now, state="finished", started=now, finished=now))

    await store.transact(record)
    await store.close()


async def published(broker: Running) -> Sequence[str]:
    """The message ids of the events that the broker has, in their order."""
    connection = await nats.connect(broker.url)
    stream = connection.jetstream()
    try:
        last = (await stream.stream_info(subjects.STREAM_EVENTS)).state.last_seq
        found = [await stream.get_msg(subjects.STREAM_EVENTS, n + 1) for n in range(last)]
    except NotFoundError:
        return []
    finally:
        await connection.close()
    return [(one.headers or {})["Nats-Msg-Id"] for one in found]


async def replayed(bus: JetStreamBus) -> EventsReplayReply:
    since = EventsReplayRequest(since=clock.now() - DAY, by="ann", reason="disk lost")
    return await ask(bus, Verb.EVENTS_REPLAY, since, EventsReplayReply)


async def test_events_since_an_instant_are_published_once_and_again_after_the_disks_are_lost(
    broker: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 8)
    monkeypatch.setattr(replay, "PAUSE_S", 0.05)
    await filled(tmp_path)
    async with connected(broker) as bus, coordinating(bus, tmp_path):
        reply = await replayed(bus)
        assert (reply.findings, reply.runs) == (NEW, 2)

        async def all_there() -> bool:
            return len(await published(broker)) == NEW + 2

        await until(all_there)
        before = await published(broker)
        assert sorted(before)[-2:] == ["standard-1.finished", "standard-1.started"]
        assert len(set(before)) == NEW + 2
        await replayed(bus)  # nothing is lost: the broker knows every id
        await until(all_there)

        connection = await nats.connect(broker.url)
        await connection.jetstream().delete_stream(subjects.STREAM_EVENTS)
        await connection.close()
    async with connected(broker) as bus, coordinating(bus, tmp_path):
        await replayed(bus)
        await until(all_there)
        assert sorted(await published(broker)) == sorted(before)
        (entry, *_) = (await ask(bus, Verb.AUDIT, AuditRequest(), AuditReply)).entries
        assert (entry.by, entry.did, entry.reason) == ("ann", "events-replay", "disk lost")
        assert entry.what.startswith("events since ")


async def test_a_replay_goes_on_after_a_restart_and_feeds_a_bounded_number_at_once(
    broker: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 10)
    await filled(tmp_path)
    async with connected(broker) as bus, coordinating(bus, tmp_path):
        await replayed(bus)

        async def has_begun() -> bool:
            return len(await published(broker)) >= 10

        await until(has_begun)
        assert len(await published(broker)) <= 2 + 2 * replay.BATCH
    async with connected(broker) as bus, coordinating(bus, tmp_path):

        async def all_there() -> bool:
            return len(await published(broker)) == NEW + 2

        await until(all_there)
