"""The findings of one check through the answers of many runs."""

from __future__ import annotations

from datetime import timedelta

from stt_coordinator.domain.findings import Folded, fold
from stt_coordinator.domain.model import LEARNED, Evidence, Order
from stt_shared.protocol.enums import Family, FindingState, Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome
from stt_shared.protocol.records import FindingEvent, FindingRecord
from tests.support.coordinator.coordination import NOW

Known = dict[str, FindingRecord]


ERROR = CheckOutcome(
    check="c", outcome=Outcome.ERROR, kind=Kind.UNREACHABLE, reason="connection refused"
)


def evidence(minute: int) -> Evidence:
    started = NOW + timedelta(minutes=minute)
    return Evidence(
        order=Order(minute + 1, 1),
        run_id=f"run-{minute}",
        target="t1",
        family=Family.MYSQL,
        site="eu",
        started=started,
        finished=started + timedelta(seconds=1),
    )


class Life:
    """The findings of one check on one target, with what was applied to them."""

    def __init__(self) -> None:
        self.known: Known = {}
        self.verdict: Order | None = None
        self.events: list[FindingEvent] = []

    def apply(self, outcome: CheckOutcome, minute: int) -> Folded:
        folded = fold(self.known, outcome, evidence(minute), self.verdict)
        self.known.update((one.id, one) for one in folded.records)
        self.events.extend(folded.events)
        if outcome.outcome in LEARNED:
            order = evidence(minute).order
            self.verdict = max(self.verdict or order, order)
        return folded

    @property
    def states(self) -> dict[str | None, FindingState]:
        return {one.object: one.state for one in self.known.values()}
