"""Events as messages to be sent: their subject, their content, and a unique id."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stt_shared import clock
from stt_shared.bus.values import Outgoing
from stt_shared.errors import ProtocolError
from stt_shared.protocol import codec, event_subjects, subjects
from stt_shared.protocol.enums import RunPhase
from stt_shared.protocol.records import (
    ClockEvent,
    FindingEvent,
    RunEvent,
    RunRecord,
    Summary,
    TargetEvent,
    WorkerEvent,
)
from stt_shared.protocol.suppressions import SuppressionEvent
from stt_shared.report import remedy

SLIM_CHARACTERS = 4_096  # of each text, where a whole event is too large


def of_finding(event: FindingEvent) -> Outgoing:
    """A change of a finding; without its evidence where that is too large for a message."""
    try:
        data = codec.encode(event)
    except ProtocolError:
        data = codec.encode(_slim(event))
    return Outgoing(
        subject=event_subjects.finding_event(event),
        data=data,
        # With the time: sent twice it is stored once, and the same change later is another event.
        message_id=f"{event.after.id}.{event.change}.{clock.unix_nanoseconds(event.at)}",
    )


def _slim(event: FindingEvent) -> FindingEvent:
    after = msgspec.structs.replace(
        event.after,
        evidence=(),
        labels={},
        summary=event.after.summary[:SLIM_CHARACTERS],
        description=event.after.description[:SLIM_CHARACTERS],
        remediation=remedy.text_at_most(event.after, SLIM_CHARACTERS),
        fix=remedy.at_most(event.after.fix, SLIM_CHARACTERS),
    )
    return msgspec.structs.replace(event, after=after, before=None)


def of_suppression(event: SuppressionEvent) -> Outgoing:
    """An exception was created or changed, is about to end, ended, or was revoked."""
    return Outgoing(
        subject=event_subjects.exception_event(event.phase),
        data=codec.encode(event),
        message_id=f"{event.exception.id}.{event.phase}.{clock.unix_nanoseconds(event.at)}",
    )


def of_run(phase: RunPhase, run: RunRecord, at: datetime) -> Outgoing:
    """A run started, finished, or was skipped."""
    return Outgoing(
        subject=event_subjects.run_event(phase),
        data=codec.encode(RunEvent(phase=phase, at=at, run=run)),
        # Without a time: a run starts and ends once, whoever records it.
        message_id=f"{run.run_id}.{phase}",
    )


def of_worker(event: WorkerEvent) -> Outgoing:
    """A worker is up or down."""
    return Outgoing(
        subject=event_subjects.worker_event(event.state, event.site),
        data=codec.encode(event),
        message_id=f"{event.worker}.{event.state}.{clock.unix_nanoseconds(event.at)}",
    )


def of_target(event: TargetEvent) -> Outgoing:
    """A target was claimed, moved, forgotten, is gone, or is back."""
    what = (event.target, event.phase, event.worker, str(clock.unix_nanoseconds(event.at)))
    return Outgoing(
        subject=event_subjects.target_event(event),
        data=codec.encode(event),
        message_id=".".join(filter(None, what)),
    )


def of_clock(event: ClockEvent) -> Outgoing:
    """Clocks disagree, or agree again."""
    return Outgoing(
        subject=event_subjects.clock_event(event.state),
        data=codec.encode(event),
        message_id=f"clock.{event.state}.{clock.unix_nanoseconds(event.at)}",
    )


def of_summary(summary: Summary) -> Outgoing:
    """The summary of everything or of one site."""
    subject = subjects.summary_of_site(summary.site) if summary.site else subjects.SUMMARY_ALL
    return Outgoing(
        subject=subject,
        data=codec.encode(summary),
        message_id=f"summary.{summary.site}.{clock.unix_nanoseconds(summary.as_of)}",
    )
