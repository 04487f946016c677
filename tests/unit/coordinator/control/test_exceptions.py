"""Exceptions in a coordinator: each verb, what it refuses, and what becomes of the findings."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from stt_coordinator.domain.suppression import end_of
from stt_coordinator.ledger import suppressions
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.port import RequestError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import StatusReply, Verb
from stt_shared.protocol.enums import Change, ExceptionPhase, Family, Severity
from stt_shared.protocol.exceptions import (
    AcceptRequest,
    ExceptionEntry,
    ExceptionEvent,
    ExceptionRecord,
    ExceptionReply,
    ExceptionsReply,
    ExceptionsRequest,
    ImportReply,
    ImportRequest,
    SeverityResetRequest,
    SeveritySetRequest,
    UnacceptRequest,
)
from stt_shared.protocol.findings import (
    FindingReply,
    FindingRequest,
    FindingsReply,
    FindingsRequest,
)
from stt_shared.protocol.messages import Value
from stt_shared.protocol.records import FindingEvent, FindingRecord
from stt_shared.protocol.reports import ReportReply, ReportRequest
from stt_shared.report.counts import of_results
from tests.support.coordinator.coordination import (
    SITE,
    FakeWorker,
    ask,
    at_work,
    enable,
    failed,
    finding,
    finished,
    passed,
    running,
    status,
    until,
)
from tests.support.coordinator.ledgers import minutes, planned, recorded, result

DAY = timedelta(days=1)
EMPTY = "mysql_empty_password"
TODAY = clock.now().date()
SOON = TODAY + 30 * DAY


class House:
    """A running coordinator with two MySQL targets, two findings on each."""

    def __init__(self, bus: MemoryBus, store: Store) -> None:
        self.bus, self.store = bus, store
        self.run_id = ""

    async def accept(self, **changes: object) -> ExceptionReply:
        request = AcceptRequest(**({"until": SOON, "reason": "proxy only", "by": "ann"} | changes))  # type: ignore[arg-type]
        return await ask(self.bus, Verb.ACCEPT, request, ExceptionReply)

    async def unaccept(self, id_: str, **changes: object) -> ExceptionReply:
        request = UnacceptRequest(id=id_, by="bob", **changes)  # type: ignore[arg-type]
        return await ask(self.bus, Verb.UNACCEPT, request, ExceptionReply)

    async def refusal(self, verb: Verb, request: Value) -> tuple[str, str]:
        with pytest.raises(RequestError) as caught:
            await ask(self.bus, verb, request, ExceptionReply)
        return caught.value.code, caught.value.message

    async def findings(self, state: str = "open", **changes: object) -> list[FindingRecord]:
        request = FindingsRequest(state=state, **changes)  # type: ignore[arg-type]
        reply = await ask(self.bus, Verb.FINDINGS, request, FindingsReply)
        assert reply.total == len(reply.findings)
        return list(reply.findings)

    async def listed(self, state: str = "live") -> list[ExceptionRecord]:
        request = ExceptionsRequest(state=state)
        reply = await ask(self.bus, Verb.EXCEPTIONS, request, ExceptionsReply)
        return [one.exception for one in reply.exceptions]

    async def numbers(self) -> tuple[int, int, int]:
        counts = (await status(self.bus)).summary.counts
        return counts.critical, counts.trivial, counts.accepted

    async def history(self, id_: str) -> list[Change]:
        reply = await ask(self.bus, Verb.FINDING, FindingRequest(id=id_), FindingReply)
        return [event.change for event in reply.history]

    async def imported(self, *entries: ExceptionEntry, dry_run: bool = False) -> list[str]:
        request = ImportRequest(exceptions=entries, by="ci", dry_run=dry_run)
        reply = await ask(self.bus, Verb.EXCEPTIONS_IMPORT, request, ImportReply)
        return [one.what for one in reply.exceptions]


@pytest.fixture
async def house() -> AsyncGenerator[House]:
    broker, store = MemoryBroker(), MemoryStore()
    bus = broker.connect()
    worker = FakeWorker(
        bus=broker.connect(),
        targets=(("orders", Family.MYSQL), ("shop", Family.MYSQL)),
        answer=lambda job: [
            failed(ref.check, finding("'a'@'%'"), finding("'b'@'%'", Severity.TRIVIAL))
            if ref.check == EMPTY
            else passed(ref.check)
            for ref in job.checks
        ],
        labels={"orders": {"team": "orders"}},
    )
    async with running(bus, store), at_work(worker):
        made = House(bus, store)

        async def known() -> bool:
            return (await status(bus)).summary.counts.targets == 2

        await until(known)
        made.run_id = (await enable(bus)).run_id
        await finished(bus, made.run_id)
        yield made


async def test_an_accepted_finding_counts_apart_keeps_its_state_and_says_who_and_why(
    house: House,
) -> None:
    before = await house.findings()
    reply = await house.accept(finding=before[0].id[:9])
    assert (reply.findings, reply.changed, reply.replaced) == (1, True, "")
    (kept,) = await house.findings("accepted")
    assert (kept.id, kept.state, kept.severity) == (before[0].id, before[0].state, "critical")
    assert kept.accepted is not None
    assert msgspec.structs.astuple(kept.accepted) == (
        reply.exception.id,
        SOON,
        "ann",
        "proxy only",
    )
    assert [one.id for one in await house.findings()] == [one.id for one in before[1:]]
    assert await house.numbers() == (1, 2, 1)
    assert (await status(house.bus)).next_end == SOON
    assert await house.history(kept.id) == [Change.OPENED, Change.ACCEPTED]


async def test_what_was_revoked_is_open_again_as_it_was(house: House) -> None:
    before = await house.findings()
    made = await house.accept(check=EMPTY, site=SITE)
    assert (made.findings, await house.numbers()) == (4, (0, 0, 4))
    gone = await house.unaccept(made.exception.id[:8], reason="fixed soon")
    assert (gone.changed, gone.exception.revoked_by) == (True, "bob")
    assert gone.exception.revoked_reason == "fixed soon"
    assert await house.findings() == before
    assert (await house.history(before[0].id))[-1] is Change.UNACCEPTED
    again = await house.unaccept(made.exception.id)
    assert (again.changed, again.exception) == (False, gone.exception)
    assert await house.listed() == []
    assert await house.listed("revoked") == await house.listed("all") == [gone.exception]


@pytest.mark.parametrize(
    ("scope", "number"),
    [
        ({"target": "orders"}, 2),
        ({"label": "team=orders"}, 2),
        ({"site": SITE}, 4),
    ],
)
async def test_a_check_is_accepted_on_a_target_a_label_or_a_site(
    house: House, scope: dict[str, str], number: int
) -> None:
    tried = await house.accept(check=EMPTY, **scope, dry_run=True)
    assert (tried.findings, tried.changed) == (number, False)
    assert await house.findings("accepted") == []
    assert (await house.accept(check=EMPTY, **scope)).findings == number
    assert len(await house.findings("accepted")) == number


async def test_a_second_exception_for_the_same_takes_the_place_of_the_first(house: House) -> None:
    first = await house.accept(check=EMPTY, target="orders")
    second = await house.accept(check=EMPTY, target="orders", until=SOON + DAY)
    assert second.replaced == first.exception.id
    assert [one.id for one in await house.listed()] == [second.exception.id]
    (over,) = await house.listed("revoked")
    assert over.revoked_reason == f"replaced by {second.exception.id}"
    found = {one.accepted.until for one in await house.findings("accepted") if one.accepted}
    assert found == {SOON + DAY}


async def test_a_finding_is_unaccepted_by_its_own_id_but_not_what_is_wider(house: House) -> None:
    one, other = (await house.findings())[:2]
    await house.accept(finding=one.id)
    assert (await house.unaccept(one.id)).changed
    wide = await house.accept(check=EMPTY, site=SITE)
    code, sentence = await house.refusal(Verb.UNACCEPT, UnacceptRequest(id=other.id))
    assert code == "bad_request"
    assert wide.exception.id in sentence


async def test_the_gate_of_a_run_is_not_failed_by_accepted_findings(house: House) -> None:
    await house.accept(check=EMPTY, site=SITE)
    for run_id in ("", house.run_id):
        report = await ask(house.bus, Verb.REPORT, ReportRequest(run_id=run_id), ReportReply)
        counts = report.counts
        assert (counts.critical, counts.trivial, counts.accepted) == (0, 0, 4)
        assert of_results(report.results) == counts
        found = [one for each in report.results for one in each.findings]
        assert len(found) == 4
        assert all(one.accepted is not None and one.accepted.by == "ann" for one in found)


async def test_another_severity_holds_at_its_site_until_it_is_reset(house: House) -> None:
    request = SeveritySetRequest(
        check=EMPTY, site=SITE, severity=Severity.MAJOR, reason="no network", by="ann"
    )
    made = await ask(house.bus, Verb.SEVERITY_SET, request, ExceptionReply)
    assert (made.findings, made.exception.until) == (4, None)
    records = await house.findings()
    assert {(one.severity, one.said_severity) for one in records} == {
        ("major", "critical"),
        ("major", "trivial"),
    }
    report = await ask(house.bus, Verb.REPORT, ReportRequest(run_id=house.run_id), ReportReply)
    assert (report.counts.critical, report.counts.major) == (0, 4)
    reset = SeverityResetRequest(check=EMPTY, site=SITE, by="bob")
    assert (await ask(house.bus, Verb.SEVERITY_RESET, reset, ExceptionReply)).changed
    assert await house.numbers() == (2, 2, 0)
    assert (await house.refusal(Verb.SEVERITY_RESET, reset))[0] == "unknown_exception"


REFUSED: list[tuple[dict[str, object], str, str]] = [
    ({"until": TODAY - DAY}, "bad_request", "is past, today is"),
    ({"until": TODAY + 402 * DAY}, "bad_request", "is more than 400 days ahead, the latest is"),
    ({"reason": "  "}, "bad_request", "the reason is empty"),
    ({"reason": "x" * 501}, "bad_request", "the reason has 501 characters, the limit is 500"),
    ({"target": ""}, "bad_request", "name a target, a label or a site for check"),
    ({"check": "", "target": ""}, "bad_request", "name a finding, or a check and a target"),
    ({"site": SITE}, "bad_request", "a target and a site are given, one of them is enough"),
    ({"target": "", "label": "team"}, "bad_request", "the label 'team' is not key=value"),
    ({"target": "nope"}, "unknown_target", "unknown target 'nope'"),
    ({"target": "", "site": "mars"}, "unknown_site", "no target is at site 'mars'"),
    ({"target": "", "label": "team=x"}, "unknown_label", "no target has the label 'team=x'"),
    ({"check": "mysql_empty_passwrd"}, "unknown_check", f"did you mean '{EMPTY}'?"),
    ({"finding": "f_zzz", "check": "", "target": ""}, "unknown_finding", "unknown finding"),
    ({"finding": "f_", "check": "", "target": ""}, "unknown_finding", "unknown finding"),
]


@pytest.mark.parametrize(("changes", "code", "sentence"), REFUSED)
async def test_bad_input_is_one_clear_refusal_and_changes_nothing(
    house: House, changes: dict[str, object], code: str, sentence: str
) -> None:
    values: dict[str, object] = {
        "check": EMPTY,
        "target": "orders",
        "until": SOON,
        "reason": "proxy only",
    }
    request = AcceptRequest(**(values | changes))  # type: ignore[arg-type]
    found = await house.refusal(Verb.ACCEPT, request)
    assert (found[0], sentence in found[1]) == (code, True), found
    assert await house.listed("all") == []


@pytest.mark.parametrize(
    ("id_", "code"), [("x_nope", "unknown_exception"), ("x_", "unknown_exception")]
)
async def test_an_unknown_exception_is_not_revoked(house: House, id_: str, code: str) -> None:
    assert (await house.refusal(Verb.UNACCEPT, UnacceptRequest(id=id_)))[0] == code
    (one, *_) = await house.findings()
    found = await house.refusal(Verb.UNACCEPT, UnacceptRequest(id=one.id))
    assert found == ("unknown_exception", f"finding {one.id} is not accepted")


async def test_list_refuses_a_state_that_there_is_not(house: House) -> None:
    found = await house.refusal(Verb.EXCEPTIONS, ExceptionsRequest(state="old"))
    assert found[0] == "bad_request"


def entry(id_: str = "proxy-only", **changes: object) -> ExceptionEntry:
    values: dict[str, object] = {
        "id": id_,
        "check": EMPTY,
        "target": "orders",
        "until": SOON,
        "reason": "proxy only",
    }
    return ExceptionEntry(**(values | changes))  # type: ignore[arg-type]


async def test_import_of_a_file_twice_is_once(house: House) -> None:
    other = entry("lower", target="", site=SITE, severity=Severity.TRIVIAL, until=None)
    assert await house.imported(entry(), other, dry_run=True) == ["added", "added"]
    assert await house.listed() == []
    assert await house.imported(entry(), other) == ["added", "added"]
    first = await house.listed()
    assert {(one.by, one.imported_by) for one in first} == {("ci", "ci")}
    assert await house.numbers() == (0, 2, 2)
    assert await house.imported(entry(), other) == ["unchanged", "unchanged"]
    assert await house.listed() == first


async def test_import_takes_a_new_day_and_leaves_what_was_revoked(house: House) -> None:
    await house.imported(entry(), entry("second", target="shop"))
    assert await house.imported(entry(until=SOON + DAY), entry("second", target="shop")) == [
        "updated",
        "unchanged",
    ]
    assert {one.until for one in await house.listed()} == {SOON, SOON + DAY}
    await house.unaccept("proxy-only")
    assert await house.imported(entry()) == ["revoked"]
    assert [one.id for one in await house.listed()] == ["second"]


async def test_import_does_not_enter_what_is_over(house: House) -> None:
    assert await house.imported(entry(until=TODAY - DAY)) == ["ended"]
    assert await house.listed("all") == []


async def test_what_was_exported_is_imported_without_a_change(house: House) -> None:
    (one, *_) = await house.findings()
    await house.accept(finding=one.id)
    await house.accept(check=EMPTY, label="team=orders")
    whole = await house.listed()
    entries = [
        ExceptionEntry(**{name: getattr(x, name) for name in ExceptionEntry.__struct_fields__})
        for x in whole
    ]
    assert await house.imported(*entries) == ["unchanged"] * 2
    assert await house.listed() == whole


async def test_one_wrong_entry_keeps_the_whole_file_out_and_every_fault_is_told(
    house: House,
) -> None:
    entries = (
        entry(),
        entry("Bad Id", target="shop"),
        entry("far", target="nope", until=TODAY + 500 * DAY),
        entry("same-a", target="", site=SITE),
        entry("same-b", target="", site=SITE),
        entry("label", target="", label="team=none"),
    )
    request = ImportRequest(exceptions=entries)
    code, sentence = await house.refusal(Verb.EXCEPTIONS_IMPORT, request)
    assert code == "bad_request"
    begin = "nothing was imported: "
    assert sentence.startswith(begin)
    assert [one.split(":")[0] for one in sentence.removeprefix(begin).split("; ")] == [
        "'Bad Id'",
        "'far'",
        "'label'",
        "'same-a'",
        "'same-b'",
    ]
    assert await house.listed("all") == []
    await house.imported(entry())
    moved = ImportRequest(exceptions=(entry(target="shop"),))
    assert "an id of its own" in (await house.refusal(Verb.EXCEPTIONS_IMPORT, moved))[1]


def kept_until(record: ExceptionRecord, before: timedelta) -> datetime:
    end = end_of(record)
    assert end is not None
    return end - before


async def book() -> tuple[Store, FindingRecord]:
    """A store with one finding of check c1 on t1."""
    store = await planned("t1")
    await recorded(store, result("t1", failed("c1", finding("a")), passed("c2")))
    ((record,), _) = await store.read(lambda ledger: ledger.find_findings(FindingsRequest()))
    return store, record


def exception(**changes: object) -> ExceptionRecord:
    values: dict[str, object] = {
        "id": "x_a",
        "check": "c1",
        "target": "t1",
        "until": (minutes(0) + 30 * DAY).date(),
        "reason": "why",
        "by": "ann",
        "created": minutes(5),
    }
    return ExceptionRecord(**(values | changes))  # type: ignore[arg-type]


async def sent(store: Store) -> list[ExceptionEvent]:
    rows = await store.read(lambda ledger: ledger.outgoing(999))
    return [
        codec.decode(ExceptionEvent, row.message.data)
        for row in rows
        if row.message.subject.startswith(f"{subjects.ROOT}.event.exception.")
    ]


async def told(store: Store) -> list[FindingEvent]:
    return (await store.read(lambda ledger: ledger.events_since(minutes(-1), 0, 99)))[0]


def look(at: datetime) -> Callable[[Ledger], int]:
    return lambda ledger: suppressions.end_due(ledger, at)


async def test_the_reminder_leaves_once_and_the_finding_is_back_when_the_exception_ends() -> None:
    store, record = await book()
    one = exception()
    await store.transact(lambda ledger: suppressions.record(ledger, [one], minutes(5)))
    assert await store.transact(look(kept_until(one, 7 * DAY + timedelta(seconds=1)))) == 0
    for _ in range(2):
        await store.transact(look(kept_until(one, 7 * DAY)))
    assert [event.phase for event in await sent(store)] == ["created", "ending"]
    end = kept_until(one, timedelta(0))
    assert await store.transact(look(end - timedelta(seconds=1))) == 0
    assert await store.transact(look(end)) == 1
    assert await store.transact(look(end + DAY)) == 0
    events = await sent(store)
    assert [(event.phase, event.findings) for event in events] == [
        (ExceptionPhase.CREATED, 1),
        (ExceptionPhase.ENDING, 1),
        (ExceptionPhase.ENDED, 1),
    ]
    assert await store.read(lambda ledger: ledger.findings_by_id([record.id])) == [record]
    changes = await told(store)
    assert [event.change for event in changes] == ["opened", "accepted", "unaccepted"]
    assert changes[-1].reason == f"exception x_a ended with {one.until}"


async def test_a_finding_that_comes_later_is_accepted_by_what_holds_already() -> None:
    store = await planned("t1")
    one = exception(target="", site=SITE, created=minutes(-5))
    await store.transact(lambda ledger: suppressions.record(ledger, [one], minutes(-5)))
    await recorded(store, result("t1", failed("c1", finding("a")), passed("c2")))
    changes = await told(store)
    assert [event.change for event in changes] == ["opened", "accepted"]
    assert all(event.after.accepted is not None for event in changes)
    tallies = await store.read(lambda ledger: ledger.tallies())
    assert (list(tallies.findings), list(tallies.accepted)) == ([], [(SITE, 1)])


async def test_an_accepted_finding_resolves_and_is_accepted_again_when_it_comes_back() -> None:
    store, record = await book()
    await store.transact(lambda ledger: suppressions.record(ledger, [exception()], minutes(5)))
    for number, outcome in enumerate((passed("c1"), failed("c1", finding("a"))), start=2):
        run_id = f"standard-{number}"
        await planned("t1", run_id=run_id, store=store, now=minutes(number * 10))
        answer = result(
            "t1", outcome, passed("c2"), run_id=run_id, sequence=number, at=minutes(number * 10)
        )
        await recorded(store, answer)
    changes = await told(store)
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
    (now,) = await store.read(lambda ledger: ledger.findings_by_id([record.id]))
    assert now.accepted is not None


async def test_a_run_after_the_end_brings_the_finding_back_before_anybody_looks() -> None:
    store, record = await book()
    one = exception(until=minutes(0).date())
    await store.transact(lambda ledger: suppressions.record(ledger, [one], minutes(5)))
    later = datetime(2026, 11, 24, 1, tzinfo=UTC)
    await planned("t1", run_id="standard-2", store=store, now=later)
    answer = result(
        "t1", failed("c1", finding("a")), passed("c2"), run_id="standard-2", sequence=2, at=later
    )
    await recorded(store, answer)
    (now,) = await store.read(lambda ledger: ledger.findings_by_id([record.id]))
    assert now.accepted is None
    assert [event.change for event in await told(store)][-1] is Change.UNACCEPTED


async def test_another_severity_survives_runs_and_hides_no_real_change() -> None:
    store, record = await book()
    lower = exception(target="", site=SITE, severity=Severity.TRIVIAL, until=None)
    await store.transact(lambda ledger: suppressions.record(ledger, [lower], minutes(5)))
    await planned("t1", run_id="standard-2", store=store, now=minutes(20))
    worse = finding("a", Severity.MAJOR)
    answer = result(
        "t1", failed("c1", worse), passed("c2"), run_id="standard-2", sequence=2, at=minutes(20)
    )
    await recorded(store, answer)
    (now,) = await store.read(lambda ledger: ledger.findings_by_id([record.id]))
    assert (now.severity, now.said_severity) == (Severity.TRIVIAL, Severity.MAJOR)
    assert [event.change for event in await told(store)] == ["opened", "changed"]
    await store.transact(lambda ledger: suppressions.revoke(ledger, lower, minutes(30), "bob", ""))
    (back,) = await store.read(lambda ledger: ledger.findings_by_id([record.id]))
    assert (back.severity, back.said_severity) == (Severity.MAJOR, None)


async def test_a_target_with_another_label_leaves_the_exception_at_once() -> None:
    store, record = await book()
    one = exception(target="", label="team=orders")

    def label(ledger: Ledger, value: str, at: datetime) -> None:
        (row,) = ledger.targets(["t1"]).values()
        ledger.put_targets([msgspec.structs.replace(row, labels={"team": value})])
        suppressions.apply_to_relabelled(ledger, ["t1"], at)

    await store.transact(lambda ledger: label(ledger, "orders", minutes(9)))
    await store.transact(lambda ledger: suppressions.record(ledger, [one], minutes(10)))
    ((kept,), _) = await store.read(
        lambda ledger: ledger.find_findings(FindingsRequest(state="accepted"))
    )
    assert kept.id == record.id
    await store.transact(lambda ledger: label(ledger, "shop", minutes(11)))
    ((back,), _) = await store.read(lambda ledger: ledger.find_findings(FindingsRequest()))
    assert back == record
    assert (await told(store))[-1].reason == "the labels of its target changed"


async def test_status_without_exceptions_names_no_end(house: House) -> None:
    found: StatusReply = await status(house.bus)
    assert (found.next_end, found.summary.counts.accepted) == (None, 0)
