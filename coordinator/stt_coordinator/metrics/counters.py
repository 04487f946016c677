"""What a coordinator has counted since it started: executions of checks and events sent."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from stt_shared.protocol.enums import Family, Outcome
from stt_shared.protocol.messages import CheckOutcome, Result

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
EVENT_TOKEN, KIND_TOKEN = 2, 3  # of `stt.v1.event.finding.opened`
MS = 1_000.0


@dataclass(slots=True)
class Durations:
    """A histogram: executions of each bucket of BUCKETS_S and beyond, and seconds in all."""

    numbers: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """One execution."""
        self.numbers[bisect_left(BUCKETS_S, seconds)] += 1
        self.total_s += seconds


@dataclass(frozen=True, slots=True)
class Meters:
    """Counts that only grow; a restart begins them again, as Prometheus expects."""

    executions: Counter[tuple[Family, Outcome]] = field(
        default_factory=Counter[tuple[Family, Outcome]]
    )
    durations: dict[Family, Durations] = field(default_factory=dict[Family, Durations])
    published: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[str] = field(default_factory=Counter[str])

    def taken_in(self, results: Iterable[Result]) -> None:
        """Results that were new."""
        for result in results:
            for outcome in result.outcomes:
                self._executed(result.family, outcome)

    def _executed(self, family: Family, outcome: CheckOutcome) -> None:
        self.executions[family, outcome.outcome] += 1
        self.durations.setdefault(family, Durations()).add(max(outcome.duration_ms, 0.0) / MS)

    def left(self, subject: str, *, stored: bool) -> None:
        """A message for others was stored by NATS, or was not."""
        (self.published if stored else self.failures)[kind_of(subject)] += 1


def kind_of(subject: str) -> str:
    """What a subject is about: `finding`, `run`, `worker`, or `summary`."""
    tokens = subject.split(".")
    if tokens[EVENT_TOKEN] == "event" and len(tokens) > KIND_TOKEN:
        return tokens[KIND_TOKEN]
    return tokens[EVENT_TOKEN]
