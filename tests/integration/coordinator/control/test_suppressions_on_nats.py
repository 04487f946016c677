"""Exceptions over a real nats-server and a store on the disk: verbs, events, and a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.sqlite.store import open_store
from stt_shared import clock
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import RequestError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.findings import FindingsReply, FindingsRequest
from stt_shared.protocol.records import FindingEvent, Summary
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    SuppressionEvent,
    SuppressionRecord,
    SuppressionReply,
    SuppressionsReply,
    SuppressionsRequest,
    UnacceptRequest,
)
from tests.support.coordinator.coordination import (
    SITE,
    FakeWorker,
    ask,
    at_work,
    enable,
    failed,
    finished,
    status,
    until,
)
from tests.support.coordinator.on_nats import connected, coordinating

CHECK = "mysql_empty_password"
DAY = timedelta(days=1)
TARGETS = (("t1", Family.MYSQL), ("t2", Family.MYSQL))


class Ears:
    """Everything heard of findings and exceptions: subject and message.

    Who listens live may hear a message again, byte for byte, whose acknowledgement was lost in a
    restart; the stream keeps it once.
    """

    def __init__(self) -> None:
        self.findings: list[tuple[str, FindingEvent]] = []
        self.exceptions: list[tuple[str, SuppressionEvent]] = []

    async def listen(self, bus: JetStreamBus) -> None:
        async with bus.listen(f"{subjects.ROOT}.event.>") as heard:
            known: set[bytes] = set()
            async for one in heard:
                if one.data in known:
                    continue
                known.add(one.data)
                kind = one.subject.split(".")[3]
                if kind == "finding":
                    self.findings.append((one.subject, codec.decode(FindingEvent, one.data)))
                elif kind == "exception":
                    self.exceptions.append((one.subject, codec.decode(SuppressionEvent, one.data)))

    def changes(self) -> list[str]:
        return [event.change for _, event in self.findings]

    def phases(self) -> list[str]:
        return [event.phase for _, event in self.exceptions]


async def known(bus: JetStreamBus) -> bool:
    return (await status(bus)).summary.counts.targets == len(TARGETS)


async def summed_up(bus: JetStreamBus, critical: int, accepted: int) -> bool:
    stored = await bus.last(subjects.STREAM_SUMMARY, subjects.SUMMARY_ALL)
    if stored is None:
        return False
    counts = codec.decode(Summary, stored.data).counts
    return (counts.critical, counts.accepted) == (critical, accepted)


@pytest.fixture
async def heard(broker: Running) -> AsyncGenerator[Ears]:
    ears = Ears()
    async with connected(broker) as bus:
        task = asyncio.create_task(ears.listen(bus))
        yield ears
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_exception_is_published_counts_and_is_revoked(
    broker: Running, tmp_path: Path, heard: Ears
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs:
        worker = FakeWorker(
            bus=theirs, targets=TARGETS, answer=lambda job: [failed(r.check) for r in job.checks]
        )
        async with coordinating(ours, tmp_path), at_work(worker):
            await until(lambda: known(ours))
            await finished(ours, (await enable(ours)).run_id)
            await until(lambda: summed_up(theirs, 4, 0))
            request = AcceptRequest(
                check=CHECK,
                site=SITE,
                until=clock.now().date() + 30 * DAY,
                reason="proxy only",
                by="ann",
            )
            made = await ask(theirs, Verb.ACCEPT, request, SuppressionReply)
            assert made.findings == 2
            await until(lambda: summed_up(theirs, 2, 2))
            await until(lambda: heard.changes().count("accepted") == 2)
            revoking = UnacceptRequest(by="test", id=made.exception.id)
            await ask(theirs, Verb.UNACCEPT, revoking, SuppressionReply)
            await until(lambda: summed_up(theirs, 4, 0))
            await until(lambda: heard.changes().count("unaccepted") == 2)
            await until(lambda: heard.phases() == ["created", "revoked"])
            bad = msgspec.structs.replace(request, until=clock.now().date() - 2 * DAY)
            with pytest.raises(RequestError, match="is past, today is") as caught:
                await ask(theirs, Verb.ACCEPT, bad, SuppressionReply)
    assert caught.value.code == "bad_request"
    reported = {subject for subject, event in heard.findings if event.change == "accepted"}
    root = f"{subjects.ROOT}.event.finding.accepted.critical.mysql.{SITE}"
    assert reported == {f"{root}.t1", f"{root}.t2"}
    assert {subject for subject, _ in heard.exceptions} == {
        f"{subjects.ROOT}.event.exception.created",
        f"{subjects.ROOT}.event.exception.revoked",
    }


async def test_what_ended_while_nobody_coordinated_is_back_after_the_start_and_published_once(
    broker: Running, tmp_path: Path, heard: Ears
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs:
        worker = FakeWorker(
            bus=theirs, targets=TARGETS, answer=lambda job: [failed(r.check) for r in job.checks]
        )
        async with coordinating(ours, tmp_path), at_work(worker):
            await until(lambda: known(ours))
            await finished(ours, (await enable(ours)).run_id)
            today = clock.now().date()
            for target, day in (("t1", today + 30 * DAY), ("t2", today + 3 * DAY)):
                request = AcceptRequest(
                    by="test", check=CHECK, target=target, until=day, reason="r"
                )
                await ask(theirs, Verb.ACCEPT, request, SuppressionReply)
            await until(lambda: heard.phases() == ["created"] * 2)
        await age(tmp_path)
        ended: list[SuppressionRecord] = []
        for _ in range(2):
            async with coordinating(ours, tmp_path):
                await until(lambda: set(heard.phases()) == {"created", "ending", "ended"})
                query = FindingsRequest(state="accepted")
                reply = await ask(ours, Verb.FINDINGS, query, FindingsReply)
                assert [one.target for one in reply.findings] == ["t1"]
                past = SuppressionsRequest(state="ended")
                over = await ask(ours, Verb.EXCEPTIONS, past, SuppressionsReply)
                ended = [one.exception for one in over.exceptions]
                assert [one.target for one in ended] == ["t2"]
    assert sorted(heard.phases()) == ["created", "created", "ended", "ending"]
    (back,) = [event for _, event in heard.findings if event.change == "unaccepted"]
    assert back.after.target == "t2"
    assert back.reason.startswith(f"exception {ended[0].id} ended with ")


async def age(folder: Path) -> None:
    """Four weeks pass for what is kept: one exception ends within 7 days, the other has ended."""
    store = await open_store(folder)
    live = await store.read(lambda ledger: ledger.suppressions.live())
    older = [
        msgspec.structs.replace(
            one,
            created=one.created - 28 * DAY,
            until=one.until - 28 * DAY if one.until is not None else None,
        )
        for one in live
    ]
    await store.transact(lambda ledger: ledger.suppressions.put(older))
    await store.close()
