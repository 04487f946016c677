"""What every store of the coordinator guarantees, on the in-memory twin and on SQLite."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest

from stt_coordinator.domain.daily import Fixes
from stt_coordinator.domain.model import JobRow, JobState, Pair, TargetRow, WorkerRow
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.findings import Grouped
from stt_coordinator.store.ports.results import RawResult, Rejected
from stt_coordinator.store.ports.retention import Before
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.bus.values import Outgoing
from stt_shared.protocol.audit import AuditEntry
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import (
    Change,
    Family,
    FindingState,
    Interval,
    Kind,
    Outcome,
    Role,
    Severity,
    Way,
)
from stt_shared.protocol.exceptions import ExceptionRecord
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.messages import CheckRef, ControlState, Watermark
from stt_shared.protocol.records import Acceptance, Counts, FindingEvent, FindingRecord, RunRecord

NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else await open_store(tmp_path)
    yield made
    await made.close()


def run(run_id: str = "standard-1", **changes: object) -> RunRecord:
    values: dict[str, object] = {
        "run_id": run_id,
        "schedule": "standard",
        "slot": NOW,
        "state": "running",
    }
    return RunRecord(**(values | changes))  # type: ignore[arg-type]


def job(target: str = "t1", run_id: str = "standard-1", **changes: object) -> JobRow:
    values: dict[str, object] = {
        "job_id": f"{run_id}.{target}",
        "run_id": run_id,
        "target": target,
        "family": Family.MYSQL,
        "site": "eu",
        "checks": (CheckRef(check="c1", digest="d1"),),
        "created": NOW,
        "expires": NOW + 24 * HOUR,
        "deadline": NOW + HOUR,
        "not_before": NOW,
    }
    return JobRow(**(values | changes))  # type: ignore[arg-type]


def target(name: str = "t1", **changes: object) -> TargetRow:
    values: dict[str, object] = {
        "target": name,
        "family": Family.MYSQL,
        "site": "eu",
        "first_seen": NOW,
        "workers": ("w1",),
    }
    return TargetRow(**(values | changes))  # type: ignore[arg-type]


def pair(name: str = "t1", check: str = "c1", outcome: Outcome = Outcome.PASSED) -> Pair:
    kind = Kind.UNREACHABLE if outcome is Outcome.ERROR else None
    return Pair(
        target=name,
        check=check,
        family=Family.MYSQL,
        site="eu",
        outcome=outcome,
        kind=kind,
        run_id="standard-1",
        started=NOW,
        finished=NOW,
    )


def finding(id_: str = "f_a", **changes: object) -> FindingRecord:
    values: dict[str, object] = {
        "id": id_,
        "target": "t1",
        "family": Family.MYSQL,
        "site": "eu",
        "check": "c1",
        "state": FindingState.OPEN,
        "severity": Severity.MAJOR,
        "summary": "something",
        "first_seen": NOW,
        "last_confirmed": NOW,
        "since": NOW,
    }
    return FindingRecord(**(values | changes))  # type: ignore[arg-type]


def check(name: str = "c1", *, enabled: bool = True) -> CheckInfo:
    return CheckInfo(
        check=name,
        family=Family.MYSQL,
        summary="",
        interval=Interval.STANDARD,
        digest="d1",
        enabled=enabled,
    )


def exception(id_: str = "x_a", **changes: object) -> ExceptionRecord:
    values: dict[str, object] = {
        "id": id_,
        "check": "c1",
        "target": "t1",
        "until": date(2026, 12, 31),
        "reason": "proxy only",
        "by": "ann",
        "created": NOW,
    }
    return ExceptionRecord(**(values | changes))  # type: ignore[arg-type]


def accepted(id_: str = "x_a") -> Acceptance:
    return Acceptance(exception=id_, until=date(2026, 12, 31), by="ann", reason="proxy only")


def opened(record: FindingRecord, at: datetime = NOW) -> FindingEvent:
    return FindingEvent(change=Change.OPENED, at=at, run_id="standard-1", after=record)


def raw(sequence: int, epoch: str = "e1") -> RawResult:
    return RawResult(
        worker="w1",
        epoch=epoch,
        sequence=sequence,
        job_id="standard-1.t1",
        received=NOW,
        data=b"{}",
    )


async def test_transaction_that_raises_leaves_nothing_behind(store: Store) -> None:
    def half(ledger: Ledger) -> None:
        ledger.runs.put(run())
        ledger.jobs.put([job()])
        ledger.outbox.add([Outgoing(subject="s", data=b"d", message_id="m")])
        raise KeyError("half")

    with pytest.raises(KeyError):
        await store.transact(half)
    assert await store.read(lambda ledger: ledger.runs.newest(9)) == []
    assert await store.read(lambda ledger: ledger.jobs.by_id(["standard-1.t1"])) == {}
    assert await store.read(lambda ledger: ledger.outbox.oldest(9)) == []


async def test_run_is_replaced_and_found_newest_first(store: Store) -> None:
    newer = run("standard-2", slot=NOW + HOUR, state="finished", reason="é 'quoted' \x00")

    def write(ledger: Ledger) -> None:
        ledger.runs.put(run())
        ledger.runs.put(run(state="running", jobs=7))
        ledger.runs.put(newer)
        ledger.runs.put(run("rare-1", schedule="rare", slot=NOW + 2 * HOUR, state="skipped"))

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.runs.newest(2))
    assert [one.run_id for one in found] == ["rare-1", "standard-2"]
    assert await store.read(lambda ledger: ledger.runs.get("standard-2")) == newer
    assert await store.read(lambda ledger: ledger.runs.get("standard-9")) is None
    assert [one.jobs for one in await store.read(lambda ledger: ledger.runs.running())] == [7]
    assert await store.read(lambda ledger: ledger.runs.last()) == newer


async def test_newest_slot_of_each_schedule_is_remembered(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.runs.put_slot("standard", NOW + HOUR)
        ledger.runs.put_slot("standard", NOW)
        ledger.runs.put_slot("rare", NOW)

    await store.transact(write)
    slots = await store.read(lambda ledger: ledger.runs.last_slots())
    assert slots == {"standard": NOW + HOUR, "rare": NOW}


async def test_only_the_oldest_outstanding_job_of_a_target_is_dispatchable(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.jobs.put([job("t1"), job("t2"), job("t3", not_before=NOW + HOUR)])
        ledger.jobs.put([job("t1", "rare-1"), job("t2", "rare-1")])
        ledger.jobs.put([job("t4", follows="x")])

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.jobs.dispatchable(NOW, 9))
    assert [one.job_id for one in found] == ["standard-1.t1", "standard-1.t2"]
    await store.transact(
        lambda ledger: ledger.jobs.put(
            [job("t1", state=JobState.DISPATCHED), job("t2", state=JobState.DONE)]
        )
    )
    found = await store.read(lambda ledger: ledger.jobs.dispatchable(NOW + HOUR, 9))
    assert [one.job_id for one in found] == ["standard-1.t3", "rare-1.t2"]


async def test_outstanding_jobs_are_found_by_target_by_deadline_and_by_whom_they_follow(
    store: Store,
) -> None:
    def write(ledger: Ledger) -> None:
        ledger.jobs.put([job("t1", deadline=NOW + HOUR), job("t2", deadline=NOW)])
        ledger.jobs.put([job("t3", state=JobState.DONE, deadline=NOW)])
        ledger.jobs.put([job("t1", "manual-1", follows="standard-1.t1", deadline=NOW)])

    await store.transact(write)
    outstanding = await store.read(lambda ledger: ledger.jobs.outstanding(["t1", "t3", "t9"]))
    assert {name: one.job_id for name, one in outstanding.items()} == {"t1": "standard-1.t1"}
    late = await store.read(lambda ledger: ledger.jobs.overdue(NOW, 9))
    assert [one.job_id for one in late] == ["standard-1.t2"]
    open_ = await store.read(lambda ledger: ledger.jobs.open(9))
    assert [one.job_id for one in open_] == ["standard-1.t1", "standard-1.t2"]
    followers = await store.read(lambda ledger: ledger.jobs.followers(["standard-1.t1", ""]))
    assert [one.job_id for one in followers] == ["manual-1.t1"]


async def test_jobs_of_a_run_come_in_order_of_their_targets_and_are_tallied(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.jobs.put([job("t2"), job("t1"), job("t3", state=JobState.DONE), job("t1", "other")])

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.jobs.of_run("standard-1", "t2", 9))
    assert [one.target for one in found] == ["t2", "t3"]
    tally = await store.read(lambda ledger: ledger.jobs.count_by_state("standard-1"))
    assert tally == {JobState.PENDING: 2, JobState.DONE: 1}


async def test_result_of_one_outbox_position_is_kept_once(store: Store) -> None:
    rows = [raw(1), raw(2), raw(4), raw(1)]
    assert await store.transact(lambda ledger: ledger.results.add(rows)) == [True] * 3 + [False]
    again = [raw(2), raw(2, "e2"), raw(3)]
    assert await store.transact(lambda ledger: ledger.results.add(again)) == [False, True, True]
    held = await store.read(lambda ledger: list(ledger.results.sequences_after("w1", "e1", 1)))
    assert held == [2, 3, 4]


async def test_watermark_of_the_newest_epoch_stands_for_its_worker(store: Store) -> None:
    def mark(epoch: str, sequence: int, at: datetime, worker: str = "w1") -> None:
        marks.append((Watermark(worker=worker, epoch=epoch, sequence=sequence), at))

    marks: list[tuple[Watermark, datetime]] = []
    mark("e2", 9, NOW)
    mark("e1", 5, NOW + HOUR)
    mark("e9", 1, NOW, "w2")

    def write(ledger: Ledger) -> None:
        for one, at in marks:
            ledger.results.put_watermarks([one], at)

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.results.watermark("w1", "e2")) == 9
    assert await store.read(lambda ledger: ledger.results.watermark("w1", "e3")) is None
    found = await store.read(lambda ledger: ledger.results.watermarks())
    assert [(one.worker, one.epoch, one.sequence) for one in found] == [
        ("w1", "e1", 5),
        ("w2", "e9", 1),
    ]


async def test_gone_targets_and_switched_off_checks_leave_counts_and_lists_but_stay_in_history(
    store: Store,
) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check("c1"), check("c2", enabled=False)])
        ledger.fleet.put_targets([target("t1", learned=True), target("t2", gone=True)])
        ledger.outcomes.put([pair("t1", "c1"), pair("t1", "c2"), pair("t2", "c1")])
        ledger.findings.put([finding("f_a"), finding("f_b", check="c2")])
        ledger.findings.put([finding("f_c", target="t2")])
        ledger.history.add([opened(finding("f_b"))])

    await store.transact(write)
    tallies = await store.read(lambda ledger: ledger.counts.tallies())
    assert list(tallies.findings) == [("eu", Severity.MAJOR, 1)]
    assert list(tallies.pairs) == [("eu", Outcome.PASSED, None, 1)]
    assert list(tallies.targets) == [("eu", Family.MYSQL, True, 1)]
    shown = await store.read(lambda ledger: ledger.outcomes.current(("", ""), 9))
    assert [(one.target, one.check) for one in shown] == [("t1", "c1")]
    for state, ids in (("open", ["f_a"]), ("all", ["f_a", "f_b", "f_c"])):
        query = FindingsRequest(state=state)
        found, total = await store.read(lambda ledger, query=query: ledger.findings.page(query))  # type: ignore[misc]
        assert ([one.id for one in found], total) == (ids, len(ids))
    history = await store.read(lambda ledger: ledger.history.of_finding("f_b", 9))
    assert [event.after.id for event in history] == ["f_b"]


async def test_findings_come_most_severe_first_then_oldest_in_pages(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check()])
        ledger.fleet.put_targets([target()])
        ledger.findings.put(
            [
                finding("f_a", severity=Severity.TRIVIAL),
                finding("f_b", severity=Severity.CRITICAL, since=NOW + HOUR),
                finding("f_c", severity=Severity.CRITICAL),
                finding("f_d", state=FindingState.RESOLVED, resolved_at=NOW),
            ]
        )

    await store.transact(write)
    query = FindingsRequest(limit=2)
    found, total = await store.read(lambda ledger: ledger.findings.page(query))
    assert ([one.id for one in found], total) == (["f_c", "f_b"], 3)
    query = FindingsRequest(severities=(Severity.TRIVIAL,), targets=("t1",), checks=("c1",))
    found, total = await store.read(lambda ledger: ledger.findings.page(query))
    assert ([one.id for one in found], total) == (["f_a"], 1)
    query = FindingsRequest(state="resolved", families=(Family.MYSQL,), sites=("eu",))
    found, total = await store.read(lambda ledger: ledger.findings.page(query))
    assert ([one.id for one in found], total) == (["f_d"], 1)
    query = FindingsRequest(sites=("us",))
    assert await store.read(lambda ledger: ledger.findings.page(query)) == ([], 0)
    like = await store.read(lambda ledger: ledger.findings.with_prefix("f_", 2))
    assert [one.id for one in like] == ["f_a", "f_b"]
    assert await store.read(lambda ledger: ledger.findings.with_prefix("%", 2)) == []


async def test_history_comes_oldest_first_and_the_newest_of_it_is_kept_when_limited(
    store: Store,
) -> None:
    events = [opened(finding(), NOW + number * HOUR) for number in range(4)]
    await store.transact(lambda ledger: ledger.history.add(events))
    found = await store.read(lambda ledger: ledger.history.of_finding("f_a", 2))
    assert found == events[2:]
    page, total = await store.read(lambda ledger: ledger.history.since(NOW + HOUR, 1, 1))
    assert (page, total) == (events[2:3], 3)


async def test_pairs_and_targets_are_replaced_and_paged(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check("c1"), check("c2")])
        ledger.fleet.put_targets([target("t1"), target("t2"), target("t3", last_started=NOW)])
        ledger.outcomes.put([pair("t1", "c1"), pair("t1", "c2"), pair("t2", "c1")])
        ledger.outcomes.put([pair("t2", "c1", Outcome.ERROR)])

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.outcomes.current(("t1", "c1"), 9))
    assert [(one.target, one.check) for one in found] == [("t1", "c2"), ("t2", "c1")]
    assert found[1].kind is Kind.UNREACHABLE
    page = await store.read(lambda ledger: ledger.fleet.targets_page("t1", 1))
    assert [one.target for one in page] == ["t2"]
    unchecked = await store.read(lambda ledger: ledger.fleet.unchecked(9))
    assert [one.target for one in unchecked] == ["t3"]
    known = await store.read(lambda ledger: ledger.fleet.targets(["t2", "t9"]))
    assert known == {"t2": target("t2")}
    assert len(await store.read(lambda ledger: ledger.fleet.all_targets())) == 3
    assert len(await store.read(lambda ledger: ledger.outcomes.of_targets(["t1"]))) == 2
    assert await store.read(lambda ledger: ledger.findings.of_targets(["t1"])) == []


async def test_outgoing_messages_keep_their_order_until_they_are_dropped(store: Store) -> None:
    messages = [Outgoing(subject="s", data=b"\xff", message_id=f"m{n}") for n in range(3)]
    await store.transact(lambda ledger: ledger.outbox.add(messages))
    rows = await store.read(lambda ledger: ledger.outbox.oldest(2))
    assert [row.message for row in rows] == messages[:2]
    await store.transact(lambda ledger: ledger.outbox.drop([rows[0].position]))
    await store.transact(lambda ledger: ledger.outbox.add(messages[:1]))
    left = await store.read(lambda ledger: ledger.outbox.oldest(9))
    assert [row.message.message_id for row in left] == ["m1", "m2", "m0"]


async def test_the_last_count_of_each_day_stands_oldest_day_first(store: Store) -> None:
    midnight = NOW.replace(hour=0, minute=0)

    def work(ledger: Ledger) -> None:
        for hours, critical in ((-30, 1), (-1, 2), (-2, 7), (1, 3), (5, 4)):
            ledger.counts.put(midnight + hours * HOUR, Counts(critical=critical))

    await store.transact(work)
    yesterday = midnight.date() - timedelta(days=1)
    found = await store.read(lambda ledger: ledger.counts.days(yesterday))
    assert [(row.day, row.severity, row.open) for row in found if row.open] == [
        (yesterday, Severity.CRITICAL, 2),
        (midnight.date(), Severity.CRITICAL, 4),
    ]
    assert len(found) == 2 * len(Severity)
    before = await store.read(lambda ledger: ledger.counts.last_counted_day(yesterday))
    assert before == yesterday - timedelta(days=1)
    assert await store.read(lambda ledger: ledger.counts.last_counted_day(before)) is None


async def test_events_are_counted_on_their_days_and_fixes_by_their_minutes(store: Store) -> None:
    today, yesterday = NOW.date(), NOW.date() - timedelta(days=1)
    old = finding("f_b", since=NOW - 24 * HOUR, severity=Severity.CRITICAL)
    put_up_with = finding("f_c", accepted=accepted())

    def fixed(before: FindingRecord, at: datetime = NOW) -> FindingEvent:
        after = msgspec.structs.replace(before, state=FindingState.RESOLVED, resolved_at=at)
        change = Change.RESOLVED
        return FindingEvent(change=change, at=at, run_id="r", before=before, after=after)

    await store.transact(lambda ledger: ledger.counts.put(NOW, Counts(critical=5)))
    for events in (
        [opened(old, NOW - 24 * HOUR), opened(finding()), opened(put_up_with)],
        [opened(finding("f_d")), fixed(old), fixed(put_up_with), fixed(old, NOW + HOUR)],
    ):
        await store.transact(lambda ledger, events=events: ledger.history.add(events))  # type: ignore[misc]
    found = await store.read(lambda ledger: ledger.counts.days(yesterday))
    assert {
        (row.day, str(row.severity)): (row.open, row.opened, row.resolved) for row in found
    } == {
        (yesterday, "critical"): (None, 1, 0),
        (today, "critical"): (5, 0, 2),
        (today, "major"): (0, 2, 0),
        (today, "trivial"): (0, 0, 0),
    }
    assert await store.read(lambda ledger: ledger.counts.fixes(today)) == [
        Fixes(severity=Severity.CRITICAL, minutes=24 * 60, number=1),
        Fixes(severity=Severity.CRITICAL, minutes=25 * 60, number=1),
    ]
    assert await store.read(lambda ledger: ledger.counts.fixes(today + timedelta(days=1))) == []


async def test_the_run_before_is_the_last_finished_one_of_its_schedule_or_of_any(
    store: Store,
) -> None:
    newest = run("e", slot=NOW)

    def write(ledger: Ledger) -> None:
        for name, hours, state, schedule in (
            ("a", 9, "finished", "standard"),
            ("b", 8, "finished", "standard"),
            ("c", 7, "skipped", "standard"),
            ("d", 6, "finished", "rare"),
        ):
            ledger.runs.put(run(name, slot=NOW - hours * HOUR, state=state, schedule=schedule))
        ledger.runs.put(newest)

    await store.transact(write)
    before = await store.read(lambda ledger: ledger.runs.previous(newest))
    assert before is not None
    assert before.run_id == "b"
    first = await store.read(lambda ledger: ledger.runs.get("a"))
    assert first is not None
    assert await store.read(lambda ledger: ledger.runs.previous(first)) is None
    other = await store.read(lambda ledger: ledger.runs.previous(run("x", schedule="enable")))
    assert other is not None
    assert other.run_id == "d"


async def test_targets_not_checked_are_counted_and_paged(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.put_targets([target(name, last_started=NOW) for name in ("a", "b", "c")])
        ledger.fleet.put_targets([target("d", last_started=NOW, learned=True), target("e")])

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.fleet.count_unchecked()) == 3
    page = await store.read(lambda ledger: ledger.fleet.unchecked(9, "a"))
    assert [row.target for row in page] == ["b", "c"]


@pytest.mark.parametrize("by", ["check", "target", "site"])
async def test_groups_count_current_findings_worst_first(store: Store, by: str) -> None:
    def work(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check("a"), check("b")])
        ledger.fleet.put_targets([target("t1"), target("t2")])
        ledger.findings.put(
            [
                finding("f_1", target="t1", check="a", severity=Severity.MAJOR),
                finding("f_2", target="t2", check="a", severity=Severity.MAJOR),
                finding("f_3", target="t2", check="b", severity=Severity.CRITICAL),
                finding("f_4", target="t2", check="b", state=FindingState.RESOLVED),
            ]
        )

    await store.transact(work)
    found = await store.read(lambda ledger: ledger.findings.group(by, 10))
    counted = [(g.name, g.findings, g.targets, g.critical, g.major, g.trivial) for g in found]
    assert (
        counted
        == {
            "check": [("b", 1, 1, 1, 0, 0), ("a", 2, 2, 0, 2, 0)],
            "target": [("t2", 2, 1, 1, 1, 0), ("t1", 1, 1, 0, 1, 0)],
            "site": [("eu", 3, 2, 1, 2, 0)],
        }[by]
    )
    assert len(await store.read(lambda ledger: ledger.findings.group(by, 1))) == 1
    for asked, number in (
        (FindingsRequest(severities=(Severity.MAJOR,)), 2),
        (FindingsRequest(targets=("t2",), state="resolved"), 2),
        (FindingsRequest(checks=("b",)), 1),
        (FindingsRequest(sites=("mars",)), 0),
    ):
        groups = await store.read(partial(_groups, by=by, asked=asked))
        assert sum(group.findings for group in groups) == number, asked


def _groups(ledger: Ledger, by: str, asked: FindingsRequest) -> list[Grouped]:
    return ledger.findings.group(by, 10, asked)


async def test_counts_of_yesterday_are_the_newest_that_old(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        for hour in range(4):
            ledger.counts.put(NOW + hour * HOUR, Counts(critical=hour))
        ledger.counts.put(NOW + timedelta(minutes=1), Counts(critical=9))

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.counts.before(NOW)) is None
    found = await store.read(lambda ledger: ledger.counts.before(NOW + HOUR - timedelta(minutes=1)))
    assert found == Counts(critical=9)
    assert await store.read(lambda ledger: ledger.counts.before(NOW + 9 * HOUR)) == Counts(
        critical=3
    )


async def test_workers_and_checks_are_as_last_put(store: Store) -> None:
    worker = WorkerRow(
        worker="w1", site="eu", state="up", version="1", started=NOW, last_heard=NOW, targets=1
    )
    down = msgspec.structs.replace(worker, state="down")

    def write(ledger: Ledger) -> None:
        ledger.fleet.put_workers([worker])
        ledger.fleet.put_workers([down])
        ledger.fleet.replace_checks([check("c1"), check("c2")])
        ledger.fleet.replace_checks([check("c2", enabled=False)])

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.fleet.workers()) == [down]
    assert await store.read(lambda ledger: ledger.fleet.checks()) == [check("c2", enabled=False)]


async def test_control_state_is_remembered(store: Store) -> None:
    assert await store.read(lambda ledger: ledger.fleet.control_state()) is None
    for enabled in (True, False):
        state = ControlState(enabled=enabled, since=NOW, by="é", disabled_checks=("c1",))
        await store.transact(lambda ledger, state=state: ledger.fleet.put_control_state(state))  # type: ignore[misc]
        assert await store.read(lambda ledger: ledger.fleet.control_state()) == state


async def test_refused_messages_are_tallied_by_their_code(store: Store) -> None:
    one = Rejected(code="malformed", reason="r", subject="s", at=NOW, data=b"\xff")
    await store.transact(lambda ledger: ledger.results.add_rejected([one, one]))
    assert await store.read(lambda ledger: ledger.results.count_rejected()) == {"malformed": 2}


BEFORE = Before(full=NOW, daily=NOW - 48 * HOUR, audit=NOW - 48 * HOUR)
ALL = 1_000  # rows


def past_and_present(ledger: Ledger) -> None:
    """One of everything that is old and over, and of everything that is old and stands."""
    old, late, oldest = NOW - HOUR, NOW + HOUR, NOW - 99 * HOUR
    ledger.runs.put(run("oldest", slot=oldest, state="finished"))
    ledger.runs.put(run("old", slot=old, state="finished"))
    ledger.runs.put(run("old-and-running", slot=oldest))
    ledger.runs.put(run("new", slot=late, state="finished"))
    ledger.jobs.put([job("t1", each) for each in ("oldest", "old", "old-and-running", "new")])
    ledger.results.add([replace(raw(1), received=old), replace(raw(2), received=late)])
    ledger.findings.put([finding("f_a", since=oldest, first_seen=oldest)])
    ledger.findings.put([finding("f_b", state=FindingState.RESOLVED, resolved_at=old)])
    ledger.findings.put([finding("f_c", state=FindingState.RESOLVED, resolved_at=late)])
    ledger.outcomes.put([pair("t1")])
    ledger.fleet.put_targets([target(last_started=oldest, last_checked=oldest)])
    ledger.suppressions.put([exception(created=oldest, ended=oldest)])
    ledger.history.add([opened(finding(), oldest), opened(finding(), late)])
    for at in (oldest, old, late):
        ledger.counts.put(at, Counts(major=1))
    ledger.results.add_rejected([Rejected(code="c", reason="", subject="", at=old, data=b"")])


async def test_only_what_is_old_and_over_is_pruned(store: Store) -> None:
    await store.transact(past_and_present)
    dropped = await store.transact(lambda ledger: ledger.retention.prune(BEFORE, ALL))
    assert dropped == {
        "jobs": 2,
        "runs": 1,
        "results": 1,
        "rejected": 1,
        "history": 1,
        "counts": 2,
        "findings": 1,
        "daily": len(Severity),
        "fixes": 0,
        "audit": 0,
    }
    kept = await store.read(lambda ledger: ledger.runs.newest(9))
    assert {one.run_id for one in kept} == {"old", "old-and-running", "new"}
    again = await store.transact(lambda ledger: ledger.retention.prune(BEFORE, ALL))
    assert not any(again.values())


async def test_pruning_leaves_what_is_known_now_however_old(store: Store) -> None:
    await store.transact(past_and_present)
    await store.transact(
        lambda ledger: ledger.retention.prune(Before(full=NOW, daily=NOW, audit=NOW), ALL)
    )

    def look(ledger: Ledger) -> object:
        return (
            [one.id for one in ledger.findings.of_targets(["t1"]) if one.resolved_at is None],
            ledger.outcomes.of_targets(["t1"]),
            ledger.fleet.targets(["t1"])["t1"].last_checked,
            ledger.suppressions.get("x_a") is not None,
            ledger.runs.get("old-and-running") is not None,
            list(ledger.jobs.by_id(["old-and-running.t1"])),
        )

    stands = (["f_a"], [pair("t1")], NOW - 99 * HOUR, True, True, ["old-and-running.t1"])
    assert await store.read(look) == stands


async def test_pruning_goes_in_steps_of_the_size_asked_for(store: Store) -> None:
    await store.transact(past_and_present)
    steps: list[int] = []
    while not steps or steps[-1]:
        dropped = await store.transact(lambda ledger: ledger.retention.prune(BEFORE, 2))
        steps.append(sum(dropped.values()))
    assert steps == [2, 2, 2, 2, 2, 2, 0]


async def test_close_may_be_called_twice(store: Store) -> None:
    await store.close()
    await store.close()


async def test_accepted_findings_count_apart_and_are_found_apart(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check("c1"), check("off", enabled=False)])
        ledger.fleet.put_targets([target("t1"), target("t2", gone=True)])
        ledger.findings.put(
            [
                finding("f_open"),
                finding("f_kept", accepted=accepted(), severity=Severity.CRITICAL),
                finding("f_gone", accepted=accepted(), target="t2"),
                finding("f_off", accepted=accepted(), check="off"),
                finding("f_past", state=FindingState.RESOLVED, resolved_at=NOW),
            ]
        )

    await store.transact(write)
    by_state: dict[str, list[str]] = {}
    for state in ("open", "accepted"):
        query = FindingsRequest(state=state)
        found, total = await store.read(lambda ledger, query=query: ledger.findings.page(query))  # type: ignore[misc]
        by_state[state] = [one.id for one in found]
        assert total == len(found)
    assert by_state == {"open": ["f_open"], "accepted": ["f_kept"]}
    narrow = FindingsRequest(state="accepted", severities=(Severity.MAJOR,))
    assert await store.read(lambda ledger: ledger.findings.page(narrow)) == ([], 0)
    tallies = await store.read(lambda ledger: ledger.counts.tallies())
    assert list(tallies.accepted) == [("eu", 1)]
    assert list(tallies.findings) == [("eu", Severity.MAJOR, 1)]
    broken = await store.read(lambda ledger: ledger.counts.breakdown())
    assert list(broken.accepted) == [("eu", Family.MYSQL, Severity.CRITICAL, 1)]
    through = await store.read(lambda ledger: ledger.findings.count_accepted(["x_a", "x_b"]))
    assert through == {"x_a": 1}
    groups = await store.read(lambda ledger: ledger.findings.group("check", 9))
    assert [(one.name, one.findings) for one in groups] == [("c1", 1)]


async def test_findings_are_found_by_their_ids_and_by_their_check(store: Store) -> None:
    past = finding("f_past", state=FindingState.RESOLVED, resolved_at=NOW)
    kept = finding("f_kept", accepted=accepted())
    await store.transact(
        lambda ledger: ledger.findings.put([past, kept, finding("f_x", check="c")])
    )
    assert await store.read(lambda ledger: ledger.findings.by_id(["f_past", "f_no"])) == [past]
    assert await store.read(lambda ledger: ledger.findings.of_check("c1")) == [kept]


async def test_exceptions_are_kept_replaced_and_listed_newest_first(store: Store) -> None:
    first, second = exception("x_a"), exception("x_b", created=NOW + HOUR)
    over = exception("x_c", created=NOW - HOUR, ended=NOW)
    taken_back = msgspec.structs.replace(second, revoked=NOW, revoked_by="bob")
    await store.transact(lambda ledger: ledger.suppressions.put([first, second, over]))
    await store.transact(lambda ledger: ledger.suppressions.put([taken_back]))

    def ids(state: str, offset: int = 0, limit: int = 9) -> list[str]:
        found, total = pages[state, offset, limit]
        assert total >= len(found)
        return [one.id for one in found]

    pages = {
        key: await store.read(lambda ledger, key=key: ledger.suppressions.page(*key))  # type: ignore[misc]
        for key in (
            ("all", 0, 9),
            ("all", 1, 1),
            ("live", 0, 9),
            ("ended", 0, 9),
            ("revoked", 0, 9),
        )
    }
    assert ids("all") == ["x_b", "x_a", "x_c"]
    assert ids("all", 1, 1) == ["x_a"]
    assert (ids("live"), ids("ended"), ids("revoked")) == (["x_a"], ["x_c"], ["x_b"])
    assert await store.read(lambda ledger: ledger.suppressions.get("x_b")) == taken_back
    assert await store.read(lambda ledger: ledger.suppressions.get("x_z")) is None
    like = await store.read(lambda ledger: ledger.suppressions.with_prefix("x_", 2))
    assert [one.id for one in like] == ["x_a", "x_b"]
    assert await store.read(lambda ledger: ledger.suppressions.with_prefix("x_b", 2)) == [
        taken_back
    ]


async def test_live_exceptions_are_those_that_may_concern_a_target(store: Store) -> None:
    everywhere = exception("x_site", target="", site="eu")
    mine, other = exception("x_t1"), exception("x_t2", target="t2")
    over = exception("x_over", ended=NOW)
    await store.transact(lambda ledger: ledger.suppressions.put([everywhere, mine, other, over]))
    assert await store.read(lambda ledger: ledger.suppressions.live(["t1", "t9"])) == [
        everywhere,
        mine,
    ]
    everything = await store.read(lambda ledger: ledger.suppressions.live())
    assert [one.id for one in everything] == ["x_site", "x_t1", "x_t2"]


async def test_exceptions_are_due_for_their_reminder_and_then_for_their_end(store: Store) -> None:
    end = datetime(2027, 1, 1, tzinfo=UTC)
    fresh, told = exception("x_a"), exception("x_b", reminded=NOW)
    for_ever = exception("x_c", until=None, severity=Severity.TRIVIAL)
    soon = exception("x_d", until=date(2026, 11, 24), severity=Severity.TRIVIAL)
    assert await store.read(lambda ledger: ledger.suppressions.next_end()) is None
    await store.transact(lambda ledger: ledger.suppressions.put([fresh, told, for_ever, soon]))

    async def due(at: datetime) -> list[str]:
        found = await store.read(lambda ledger: ledger.suppressions.due(at, 9))
        return [one.id for one in found]

    assert await due(NOW) == []
    assert await due(end - timedelta(days=7)) == ["x_d", "x_a"]
    assert await due(end) == ["x_d", "x_a", "x_b"]
    assert await store.read(lambda ledger: ledger.suppressions.next_end()) == date(2026, 12, 31)


async def test_readers_of_the_history_have_a_place_in_it_that_lasts(store: Store) -> None:
    events = [
        FindingEvent(change=Change.OPENED, at=NOW, run_id="r", after=finding(f"f_{number}"))
        for number in range(3)
    ]
    await store.transact(lambda ledger: ledger.history.add(events))
    assert await store.read(lambda ledger: ledger.history.cursor("reader")) is None
    first, second, last = await store.read(lambda ledger: ledger.history.after(0, 10))
    assert [one.after.id for _, one in (first, second, last)] == ["f_0", "f_1", "f_2"]
    assert last[0] == await store.read(lambda ledger: ledger.history.last_position())
    await store.transact(lambda ledger: ledger.history.put_cursor("reader", second[0]))
    assert await store.read(lambda ledger: ledger.history.cursor("reader")) == second[0]
    assert await store.read(lambda ledger: ledger.history.after(second[0], 10)) == [last]
    assert await store.read(lambda ledger: ledger.history.after(0, 1)) == [first]


def entry(number: int, **changes: object) -> AuditEntry:
    values: dict[str, object] = {"at": NOW + number * HOUR, "by": "ann", "way": Way.PAGE}
    return AuditEntry(**(values | {"did": "run", "what": f"r{number}"} | changes))  # type: ignore[arg-type]


async def test_who_did_what_is_kept_newest_first_in_pages_that_stay_as_more_is_done(
    store: Store,
) -> None:
    first = [entry(n, role=Role.ADMIN, reason="CHG-1") for n in range(5)]
    await store.transact(lambda ledger: ledger.audit.add(first))
    newest = await store.read(lambda ledger: ledger.audit.newest(None, 2))
    assert [one for _, one in newest] == [first[4], first[3]]
    await store.transact(lambda ledger: ledger.audit.add([entry(9)]))
    rest = await store.read(lambda ledger: ledger.audit.newest(newest[-1][0], 10))
    assert [one.what for _, one in rest] == ["r2", "r1", "r0"]


async def test_who_did_what_is_pruned_by_its_own_age(store: Store) -> None:
    await store.transact(lambda ledger: ledger.audit.add([entry(0), entry(2)]))
    before = Before(full=NOW, daily=NOW, audit=NOW + HOUR)
    assert (await store.transact(lambda ledger: ledger.retention.prune(before, ALL)))["audit"] == 1
    left = await store.read(lambda ledger: ledger.audit.newest(None, 9))
    assert [one.what for _, one in left] == ["r2"]
    await store.transact(lambda ledger: ledger.audit.add([entry(3)]))
    newer = await store.read(lambda ledger: ledger.audit.newest(None, 1))
    assert newer[0][0] > left[0][0]
