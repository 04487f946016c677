"""The subjects of the events that the coordinator publishes."""

from __future__ import annotations

from stt_shared.protocol.enums import ClockState, RunPhase, SuppressionPhase, WorkerState
from stt_shared.protocol.records import FindingEvent, TargetEvent
from stt_shared.protocol.subjects import ROOT


def finding_event(event: FindingEvent) -> str:
    """The subject of a change of a finding."""
    after = event.after
    return (
        f"{ROOT}.event.finding.{event.change}.{after.severity}"
        f".{after.family}.{after.site}.{after.target}"
    )


def exception_event(phase: SuppressionPhase) -> str:
    """The subject of an event of a suppression."""
    return f"{ROOT}.event.exception.{phase}"


def run_event(phase: RunPhase) -> str:
    """The subject of an event of a run."""
    return f"{ROOT}.event.run.{phase}"


def worker_event(state: WorkerState, site: str) -> str:
    """The subject of an event of a worker."""
    return f"{ROOT}.event.worker.{state}.{site}"


def target_event(event: TargetEvent) -> str:
    """The subject of an event of a target."""
    return f"{ROOT}.event.target.{event.phase}.{event.family}.{event.site}.{event.target}"


def clock_event(state: ClockState) -> str:
    """The subject of an event of clocks that disagree."""
    return f"{ROOT}.event.clock.{state}"
