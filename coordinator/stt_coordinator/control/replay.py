"""The verb `events-replay`: publish events from the store again that the brokers lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.ledger import event_messages
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.history import EventPlace
from stt_coordinator.tasks.replay import request_replay
from stt_shared.bus.values import Outgoing
from stt_shared.protocol.enums import RunPhase
from stt_shared.protocol.queries.history import EventsReplayReply, EventsReplayRequest
from stt_shared.protocol.records import RunRecord

RUNS_PAGE = 200
MAX_RUNS = 2_000  # of one request: 30 days of all schedules are fewer


async def replay_events(context: HandlerContext, request: EventsReplayRequest) -> EventsReplayReply:
    """Have the task of replays publish findings' events from `since` on; runs' events at once.

    Idempotent: each message keeps its id, and a replay under way is extended.
    """

    def record(ledger: Ledger) -> EventsReplayReply:
        runs = list(_runs_since(ledger, request.since))
        messages = [message for run in reversed(runs) for message in messages_of(run)]
        ledger.outbox.add(messages)
        first = ledger.history.page(EventPlace(request.since, -1), 0, 1)
        if first:
            request_replay(ledger, first[0][0] - 1)
        _, total = ledger.history.since(request.since, 0, 0)
        return EventsReplayReply(findings=total, runs=len(messages))

    reply = await context.store.transact(record)
    # After the commit: the task reads where to begin from the store.
    context.wakeups.replay.set()
    context.wakeups.outbox.set()
    return reply


def _runs_since(ledger: Ledger, since: datetime) -> Iterator[RunRecord]:
    """The newest runs down to the first that ended before `since`, at most MAX_RUNS."""
    before: int | None = None
    seen = 0
    while page := ledger.runs.newest(RUNS_PAGE, before):
        for run in page:
            if seen >= MAX_RUNS or (run.finished or run.started or run.slot) < since:
                return
            seen += 1
            yield run
        before = page[-1].number


def messages_of(run: RunRecord) -> Iterator[Outgoing]:
    """The messages that a run has caused so far, with the ids that they had."""
    if run.state == RunPhase.SKIPPED:
        yield event_messages.of_run(RunPhase.SKIPPED, run, run.slot)
        return
    if run.started is not None:
        yield event_messages.of_run(RunPhase.STARTED, run, run.started)
    if run.finished is not None:
        yield event_messages.of_run(RunPhase.FINISHED, run, run.finished)
