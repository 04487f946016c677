"""What exceptions do to findings in one transaction: reminders, their end, and runs beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from stt_coordinator.domain.suppression import end_of
from stt_coordinator.ledger import suppressions
from stt_coordinator.store.port import Ledger, Store
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Change, Family, Severity, SuppressionPhase
from stt_shared.protocol.findings import (
    FindingsRequest,
)
from stt_shared.protocol.records import FindingEvent, FindingRecord
from stt_shared.protocol.suppressions import (
    SuppressionEvent,
    SuppressionRecord,
)
from tests.support.coordinator.coordination import (
    SITE,
    failed,
    finding,
    passed,
)
from tests.support.coordinator.ledgers import minutes, planned, recorded, result
from tests.support.coordinator.suppressions_site import DAY


def kept_until(record: SuppressionRecord, before: timedelta) -> datetime:
    end = end_of(record)
    assert end is not None
    return end - before


async def book() -> tuple[Store, FindingRecord]:
    """A store with one finding of check c1 on t1."""
    store = await planned("t1")
    await recorded(store, result("t1", failed("c1", finding("a")), passed("c2")))
    ((record,), _) = await store.read(lambda ledger: ledger.findings.page(FindingsRequest()))
    return store, record


def suppression(**changes: object) -> SuppressionRecord:
    values: dict[str, object] = {
        "id": "x_a",
        "check": "c1",
        "target": "t1",
        "until": (minutes(0) + 30 * DAY).date(),
        "reason": "why",
        "by": "ann",
        "created": minutes(5),
    }
    return SuppressionRecord(**(values | changes))  # type: ignore[arg-type]


async def sent(store: Store) -> list[SuppressionEvent]:
    rows = await store.read(lambda ledger: ledger.outbox.oldest(999))
    return [
        codec.decode(SuppressionEvent, row.message.data)
        for row in rows
        if row.message.subject.startswith(f"{subjects.ROOT}.event.exception.")
    ]


async def events_of(store: Store) -> list[FindingEvent]:
    return (await store.read(lambda ledger: ledger.history.since(minutes(-1), 0, 99)))[0]


def end_due_at(at: datetime) -> Callable[[Ledger], int]:
    return lambda ledger: suppressions.end_due(ledger, at)


async def test_the_reminder_leaves_once_and_the_finding_is_back_when_the_exception_ends() -> None:
    store, record = await book()
    one = suppression()
    await store.transact(lambda ledger: suppressions.record(ledger, [one], minutes(5)))
    assert await store.transact(end_due_at(kept_until(one, 7 * DAY + timedelta(seconds=1)))) == 0
    for _ in range(2):
        await store.transact(end_due_at(kept_until(one, 7 * DAY)))
    assert [event.phase for event in await sent(store)] == ["created", "ending"]
    end = kept_until(one, timedelta(0))
    assert await store.transact(end_due_at(end - timedelta(seconds=1))) == 0
    assert await store.transact(end_due_at(end)) == 1
    assert await store.transact(end_due_at(end + DAY)) == 0
    events = await sent(store)
    assert [(event.phase, event.findings) for event in events] == [
        (SuppressionPhase.CREATED, 1),
        (SuppressionPhase.ENDING, 1),
        (SuppressionPhase.ENDED, 1),
    ]
    assert await store.read(lambda ledger: ledger.findings.by_id([record.id])) == [record]
    changes = await events_of(store)
    assert [event.change for event in changes] == ["opened", "accepted", "unaccepted"]
    assert changes[-1].reason == f"exception x_a ended with {one.until}"


async def test_a_finding_that_comes_later_is_accepted_by_what_holds_already() -> None:
    store = await planned("t1")
    one = suppression(target="", site=SITE, created=minutes(-5))
    await store.transact(lambda ledger: suppressions.record(ledger, [one], minutes(-5)))
    await recorded(store, result("t1", failed("c1", finding("a")), passed("c2")))
    changes = await events_of(store)
    assert [event.change for event in changes] == ["opened", "accepted"]
    assert all(event.after.accepted is not None for event in changes)
    tallies = await store.read(lambda ledger: ledger.counts.tallies())
    assert (list(tallies.findings), list(tallies.accepted)) == (
        [],
        [(SITE, Family.MYSQL, Severity.CRITICAL, 1)],
    )


async def test_an_accepted_finding_resolves_and_is_accepted_again_when_it_comes_back() -> None:
    store, record = await book()
    await store.transact(lambda ledger: suppressions.record(ledger, [suppression()], minutes(5)))
    for number, outcome in enumerate((passed("c1"), failed("c1", finding("a"))), start=2):
        run_id = f"standard-{number}"
        await planned("t1", run_id=run_id, store=store, now=minutes(number * 10))
        answer = result(
            "t1", outcome, passed("c2"), run_id=run_id, sequence=number, at=minutes(number * 10)
        )
        await recorded(store, answer)
    changes = await events_of(store)
    assert [event.change for event in changes] == [
        "opened",
        "accepted",
        "resolved",
        "reopened",
        "accepted",
    ]
    assert changes[2].after.accepted is None
    assert changes[3].after.accepted is not None, (
        "who alerts on `reopened` sees that it is accepted"
    )
    (now,) = await store.read(lambda ledger: ledger.findings.by_id([record.id]))
    assert now.accepted is not None


async def test_a_run_after_the_end_leaves_the_finding_accepted_until_the_end_is_recorded() -> None:
    store, record = await book()
    one = suppression(until=minutes(0).date())
    await store.transact(lambda ledger: suppressions.record(ledger, [one], minutes(5)))
    later = datetime(2026, 11, 24, 1, tzinfo=UTC)
    await planned("t1", run_id="standard-2", store=store, now=later)
    answer = result(
        "t1", failed("c1", finding("a")), passed("c2"), run_id="standard-2", sequence=2, at=later
    )
    await recorded(store, answer)
    (then,) = await store.read(lambda ledger: ledger.findings.by_id([record.id]))
    assert then.accepted is not None, "the clock of one batch must end nothing"
    await store.transact(lambda ledger: suppressions.end_due(ledger, later))
    (now,) = await store.read(lambda ledger: ledger.findings.by_id([record.id]))
    assert now.accepted is None
    assert [event.change for event in await events_of(store)][-1] is Change.UNACCEPTED


async def test_another_severity_survives_runs_and_hides_no_real_change() -> None:
    store, record = await book()
    lower = suppression(target="", site=SITE, severity=Severity.TRIVIAL, until=None)
    await store.transact(lambda ledger: suppressions.record(ledger, [lower], minutes(5)))
    await planned("t1", run_id="standard-2", store=store, now=minutes(20))
    worse = finding("a", Severity.MAJOR)
    answer = result(
        "t1", failed("c1", worse), passed("c2"), run_id="standard-2", sequence=2, at=minutes(20)
    )
    await recorded(store, answer)
    (now,) = await store.read(lambda ledger: ledger.findings.by_id([record.id]))
    assert (now.severity, now.said_severity) == (Severity.TRIVIAL, Severity.MAJOR)
    assert [event.change for event in await events_of(store)] == ["opened", "changed"]
    await store.transact(lambda ledger: suppressions.revoke(ledger, lower, minutes(30), "bob", ""))
    (back,) = await store.read(lambda ledger: ledger.findings.by_id([record.id]))
    assert (back.severity, back.said_severity) == (Severity.MAJOR, None)


async def test_a_target_with_another_label_leaves_the_exception_at_once() -> None:
    store, record = await book()
    one = suppression(target="", label="team=orders")

    def label(ledger: Ledger, value: str, at: datetime) -> None:
        (row,) = ledger.fleet.targets(["t1"]).values()
        ledger.fleet.put_targets([msgspec.structs.replace(row, labels={"team": value})])
        suppressions.apply_to_relabelled(ledger, ["t1"], at)

    await store.transact(lambda ledger: label(ledger, "orders", minutes(9)))
    await store.transact(lambda ledger: suppressions.record(ledger, [one], minutes(10)))
    ((kept,), _) = await store.read(
        lambda ledger: ledger.findings.page(FindingsRequest(state="accepted"))
    )
    assert kept.id == record.id
    await store.transact(lambda ledger: label(ledger, "shop", minutes(11)))
    ((back,), _) = await store.read(lambda ledger: ledger.findings.page(FindingsRequest()))
    assert back == record
    assert (await events_of(store))[-1].reason == "the labels of its target changed"
