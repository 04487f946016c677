"""A random fleet and its history, and two stores that must answer alike when asked about it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import msgspec

from stt_coordinator.domain.model import JobState, Pair
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.findings import FindingPlace
from stt_coordinator.store.ports.history import EventPlace
from stt_coordinator.store.ports.retention import Before
from stt_coordinator.store.ports.runs import Place
from stt_shared import clock
from stt_shared.protocol.enums import Change, Family, FindingState, Kind, Outcome, Severity
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.messages import PartNotChecked
from stt_shared.protocol.records import Counts, FindingEvent, FindingRecord
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    accepted,
    check,
    finding,
    job,
    pair,
    run,
    suppression,
    target,
)

T = TypeVar("T")
ROWS = 60
TARGETS = [f"t{number}" for number in range(6)]
CHECKS = ["c1", "c2", "é", "c_%"]
STATES = ["open", "accepted", "resolved", "all"]
KEEPING = timedelta(hours=20)


def _site(target: str) -> str:
    return "eu" if target < "t3" else "us"


class Fleet:
    """Random rows, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # no secret

    def findings(self) -> list[FindingRecord]:
        return [self._finding(number) for number in range(ROWS)]

    def _finding(self, number: int) -> FindingRecord:
        pick = self.random.choice
        state = pick([FindingState.OPEN, FindingState.OPEN, FindingState.RESOLVED])
        is_over = state is FindingState.RESOLVED
        name = pick(TARGETS)
        return finding(
            f"f_{pick('ab')}{number}",
            target=name,
            check=pick(CHECKS),
            family=list(Family)[TARGETS.index(name) % len(Family)],
            site=_site(name),
            severity=pick(list(Severity)),
            state=state,
            since=None if is_over else NOW - pick([0, 1, 2]) * HOUR,
            resolved_at=NOW - pick([1, 30]) * HOUR if is_over else None,
            accepted=None if is_over else pick([None, None, accepted("x_a"), accepted("x_b")]),
        )

    def pairs(self) -> list[Pair]:
        part = PartNotChecked(name="billing", kind=Kind.NO_PRIVILEGE, reason="r")
        return [
            msgspec.structs.replace(
                pair(name, check_name, self.random.choice(list(Outcome))),
                site=_site(name),
                parts_not_checked=self.random.choice([(), (part,)]),
            )
            for name in TARGETS
            for check_name in CHECKS
        ]

    def events(self, of: list[FindingRecord]) -> list[FindingEvent]:
        return [
            FindingEvent(
                change=self.random.choice(list(Change)),
                at=NOW - self.random.choice(range(40)) * HOUR,
                run_id="r",
                before=self.random.choice([None, one]),
                after=one,
            )
            for one in of
        ]

    def fill(self, ledger: Ledger) -> None:
        pick = self.random.choice
        ledger.fleet.replace_checks([check(name, enabled=name != "c2") for name in CHECKS])
        ledger.fleet.put_targets([target(name, gone=name == "t1") for name in TARGETS])
        ledger.fleet.put_targets([target("t9", last_started=NOW), target("t8", learned=True)])
        findings = self.findings()
        ledger.findings.put(findings)
        ledger.outcomes.put(self.pairs())
        ledger.history.add(self.events(findings))
        ledger.suppressions.put(
            suppression(f"x_{n}", target=pick(["", *TARGETS]), created=NOW - pick([0, 1]) * HOUR)
            for n in range(20)
        )
        for number in range(20):
            slot = NOW - pick(range(30)) * HOUR
            state = pick(["running", "finished", "skipped"])
            ledger.runs.put(
                run(
                    f"r{number}",
                    number=number,
                    slot=slot,
                    state=state,
                    schedule=pick(["a", "b"]),
                )
            )
            names = self.random.sample(TARGETS, 3)
            ledger.jobs.put(job(name, f"r{number}", state=pick(list(JobState))) for name in names)
            ledger.counts.put(NOW - pick(range(40)) * HOUR, Counts(critical=number))


def questions(fleet: Fleet) -> list[Callable[[Ledger], object]]:
    """What is asked of both; each closes over values of its own."""
    pick = fleet.random.choice
    asked: list[Callable[[Ledger], object]] = []
    for _ in range(40):
        query = FindingsRequest(
            state=pick(STATES),
            severities=pick([(), (), (Severity.MAJOR, Severity.TRIVIAL)]),
            targets=pick([(), ("t0", "t1", "t2")]),
            checks=pick([(), ("é", "c_%", "c2")]),
            sites=pick([(), ("eu",)]),
            offset=pick([0, 3, 11, 25]),
            limit=pick([0, 5, 100]),
        )
        beyond = pick([None, FindingPlace(Severity.MAJOR, clock.to_text(NOW), "f_a3")])
        asked.append(lambda led, q=query, b=beyond: led.findings.page(q, b))  # type: ignore[misc]
        by = pick(["check", "target", "site"])
        asked.append(lambda led, q=query, by=by: led.findings.group(by, 3, q))  # type: ignore[misc]
    event = EventPlace(NOW - 7 * HOUR, 3)
    return [
        *asked,
        lambda led: led.findings.with_prefix("f_a", 7),
        lambda led: led.findings.count_accepted(["x_a", "x_c"]),
        lambda led: led.outcomes.current(("t2", "c1"), 9),
        lambda led: led.outcomes.parts_not_checked([], 9),
        lambda led: led.outcomes.parts_of_check("c2", 9),
        lambda led: led.history.page(event, 2, 9),
        lambda led: led.history.since(NOW - 9 * HOUR, 1, 9),
        lambda led: led.history.after(5, 9),
        lambda led: led.suppressions.page("all", 1, 9, Place(clock.to_text(NOW), "x_2")),
        lambda led: led.suppressions.live(["t2"]),
        lambda led: led.suppressions.due(NOW + 9_000 * HOUR, 30),
        lambda led: led.runs.newest(30, 9),
        lambda led: led.runs.previous(run("x", number=15, schedule="a")),
        lambda led: led.runs.last(),
        lambda led: led.jobs.dispatchable(NOW, 30),
        lambda led: led.jobs.overdue(NOW + 9 * HOUR, 30),
        lambda led: led.jobs.due_after(NOW, 30),
        lambda led: led.jobs.outstanding(TARGETS),
        lambda led: led.jobs.waiting(TARGETS),
        lambda led: led.counts.days((NOW - 50 * HOUR).date()),
        lambda led: led.counts.fix_times((NOW - 50 * HOUR).date()),
        lambda led: led.counts.before(NOW - 3 * HOUR),
        lambda led: [sorted(map(str, rows)) for rows in numbers(led)],
        lambda led: led.counts.sites(NOW - HOUR),
        lambda led: sorted(led.fleet.sites()),
        lambda led: sorted((one.site, sorted(one.labels.items())) for one in led.fleet.places()),
    ]


def prune(ledger: Ledger) -> object:
    before = Before(full=NOW - KEEPING, daily=NOW - KEEPING, audit=NOW)
    return ledger.retention.prune(before, 10_000)


def numbers(ledger: Ledger) -> list[list[object]]:
    """The rows of the tallies, which have no order."""
    tallies = ledger.counts.tallies()
    return [list(getattr(tallies, name)) for name in tallies.__dataclass_fields__]


async def compare(seed: int, first: Store, second: Store) -> None:
    """Fill both with the same rows and ask them the same, before and after pruning."""
    for store in (first, second):
        await store.transact(Fleet(seed).fill)
    for _ in range(2):
        for number, ask in enumerate(questions(Fleet(seed))):
            assert await first.read(ask) == await second.read(ask), f"question {number}"
        assert await first.transact(prune) == await second.transact(prune)
