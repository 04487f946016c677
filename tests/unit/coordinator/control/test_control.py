"""Every verb of the control service: what it answers, and what it refuses with which code."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec
import pytest

from stt_coordinator.control.audited_commands import MAX_TEXT
from stt_coordinator.control.service import asked_by
from stt_coordinator.store.port import Ledger
from stt_shared.bus.values import Request, RequestError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import (
    WRITING,
    ChecksReply,
    CheckSwitchRequest,
    Empty,
    RunReply,
    RunRequest,
    StatusReply,
    SwitchReply,
    SwitchRequest,
    Verb,
)
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.findings import (
    FindingReply,
    FindingRequest,
    FindingsReply,
    FindingsRequest,
)
from stt_shared.protocol.queries.reports import ReportReply, ReportRequest, RunsReply, RunsRequest
from tests.support.coordinator.control_site import RunningCoordinator, running_coordinator
from tests.support.coordinator.coordination import (
    ask,
    enable,
    finished,
    status,
    until,
)


@pytest.fixture
async def coordinator() -> AsyncGenerator[RunningCoordinator]:
    async with running_coordinator() as made:
        yield made


async def test_enable_twice_is_once_and_names_the_same_first_run(
    coordinator: RunningCoordinator,
) -> None:
    first = await enable(coordinator.bus)
    second = await enable(coordinator.bus)
    assert (first.changed, second.changed) == (True, False)
    assert first.run_id == second.run_id != ""
    assert (first.state.by, first.state.reason) == ("test", "CHG-1")
    assert second.state == first.state


async def test_run_that_enabling_announced_can_be_followed_from_the_first_moment(
    coordinator: RunningCoordinator,
) -> None:
    reply = await enable(coordinator.bus)
    found = await ask(coordinator.bus, Verb.RUNS, RunsRequest(run_id=reply.run_id), RunsReply)
    assert found.runs[0].run_id == reply.run_id
    report = await ask(
        coordinator.bus, Verb.REPORT, ReportRequest(run_id=reply.run_id), ReportReply
    )
    assert report.run_id == reply.run_id


async def test_disable_says_since_when_and_refuses_to_run(coordinator: RunningCoordinator) -> None:
    await coordinator.checked()
    request = SwitchRequest(by="dba", reason="maintenance")
    reply = await ask(coordinator.bus, Verb.DISABLE, request, SwitchReply)
    again = await ask(coordinator.bus, Verb.DISABLE, request, SwitchReply)
    assert (reply.changed, again.changed, reply.state.reason) == (True, False, "maintenance")
    assert await coordinator.refusal(Verb.RUN, RunRequest(by="test")) == "disabled"
    found = await status(coordinator.bus)
    assert (found.state.enabled, found.next_slots) == (False, {})
    assert found.summary.counts.critical == 2


async def test_run_takes_the_targets_and_checks_that_were_asked_for(
    coordinator: RunningCoordinator,
) -> None:
    await coordinator.checked()
    request = RunRequest(by="dba", targets=("orders", "shop"), checks=("mysql_version",))
    reply = await ask(coordinator.bus, Verb.RUN, request, RunReply)
    run = await finished(coordinator.bus, reply.run.run_id)
    assert (run.jobs, run.done, run.requested_by, run.schedule) == (2, 2, "dba", "manual")
    report = await ask(coordinator.bus, Verb.REPORT, ReportRequest(run_id=run.run_id), ReportReply)
    assert {(one.target, one.check) for one in report.results} == {
        ("orders", "mysql_version"),
        ("shop", "mysql_version"),
    }
    second = await ask(coordinator.bus, Verb.RUN, request, RunReply)
    assert second.run.run_id != reply.run.run_id


async def test_unknown_names_are_refused_with_their_own_code(
    coordinator: RunningCoordinator,
) -> None:
    await coordinator.checked()
    for request, code in (
        (RunRequest(by="test", targets=("nope",)), "unknown_target"),
        (RunRequest(by="test", sites=("nope",)), "unknown_site"),
        (RunRequest(by="test", checks=("nope",)), "unknown_check"),
    ):
        assert await coordinator.refusal(Verb.RUN, request) == code
    mongodb = RunRequest(by="test", families=(Family.MONGODB,))
    assert await coordinator.refusal(Verb.RUN, mongodb) == "no_targets"
    assert await coordinator.refusal(Verb.FINDING, FindingRequest(id="f_nope")) == "unknown_finding"
    assert await coordinator.refusal(Verb.FINDING, FindingRequest(id="f_")) == "unknown_finding"
    assert await coordinator.refusal(Verb.REPORT, ReportRequest(run_id="nope")) == "unknown_run"
    switch = CheckSwitchRequest(by="test", check="mysql_versions")
    assert await coordinator.refusal(Verb.CHECK_DISABLE, switch) == "unknown_check"
    assert await coordinator.refusal(Verb.FINDINGS, FindingsRequest(state="shut")) == "bad_request"
    nobody = await ask(coordinator.bus, Verb.RUNS, RunsRequest(run_id="nope"), RunsReply)
    assert nobody.runs == ()


async def test_a_request_that_changes_something_needs_a_body_and_names_who_asks(
    coordinator: RunningCoordinator,
) -> None:
    empty = (b"", b"  ", b"{}", b'{"schema": "stt.control.switch/v1"}')
    for data in (*empty, b'{"schema": "stt.control.switch/v1", "by": " "}'):
        for verb in (Verb.ENABLE, Verb.DISABLE):
            with pytest.raises(RequestError) as caught:
                await coordinator.bus.request(subjects.control(verb), data, timeout=5)
            assert caught.value.code == "bad_request"
    for verb in WRITING:
        with pytest.raises(RequestError):
            await coordinator.bus.request(subjects.control(verb), b"", timeout=5)
    assert (await status(coordinator.bus)).state.since is None


def test_who_asks_is_named_with_the_account_that_the_server_names() -> None:
    assert asked_by("ann", "STT-ops") == "ann via STT-ops"
    assert asked_by("ann", "") == "ann"
    assert asked_by("x" * 10_000, "STT-view").endswith("x via STT-view")
    assert len(asked_by("x" * 10_000, "STT-view")) == MAX_TEXT


async def test_malformed_requests_are_refused_and_empty_ones_have_the_defaults(
    coordinator: RunningCoordinator,
) -> None:
    for data in (b"\xff", b"{}", b'{"schema": "stt.control.empty/v9"}'):
        with pytest.raises(RequestError) as caught:
            await coordinator.bus.request(subjects.control(Verb.STATUS), data, timeout=5)
        assert caught.value.code == "bad_request"
    data = await coordinator.bus.request(subjects.control(Verb.STATUS), b"", timeout=5)
    assert codec.decode(StatusReply, data).summary.counts.targets == 3
    with pytest.raises(RequestError, match="request is empty"):
        await coordinator.bus.request(subjects.control(Verb.FINDING), b"", timeout=5)


async def test_status_says_what_is_found_what_is_not_checked_and_what_comes_next(
    coordinator: RunningCoordinator,
) -> None:
    await coordinator.checked()
    found = await status(coordinator.bus)
    counts = found.summary.counts
    assert (counts.critical, counts.trivial, counts.passed, counts.not_checked) == (2, 2, 2, 1)
    assert (counts.targets, counts.targets_checked) == (3, 2)
    assert found.families == {Family.MYSQL: 2, Family.POSTGRESQL: 1}
    assert [(one.target, one.kind, one.reason) for one in found.unchecked] == [
        ("ledger", Kind.AUTH, "refused")
    ]
    assert set(found.next_slots) == {"standard", "rare", "frequent"}
    assert [(one.worker, one.state, one.targets) for one in found.workers] == [("w1", "up", 3)]
    assert found.degraded == ()


async def test_check_switched_off_leaves_runs_and_counts_until_it_is_on_again(
    coordinator: RunningCoordinator,
) -> None:
    await coordinator.checked()
    switch = CheckSwitchRequest(check="mysql_empty_password", by="dba")
    assert (await ask(coordinator.bus, Verb.CHECK_DISABLE, switch, SwitchReply)).changed
    assert not (await ask(coordinator.bus, Verb.CHECK_DISABLE, switch, SwitchReply)).changed
    assert (await status(coordinator.bus)).summary.counts.critical == 0
    checks = await ask(coordinator.bus, Verb.CHECKS, Empty(), ChecksReply)
    assert [one.check for one in checks.checks if not one.enabled] == ["mysql_empty_password"]
    assert checks.releases_as_of == "2026-11-01"
    reply = await ask(coordinator.bus, Verb.RUN, RunRequest(by="test"), RunReply)
    await finished(coordinator.bus, reply.run.run_id)
    page = await ask(
        coordinator.bus, Verb.REPORT, ReportRequest(run_id=reply.run.run_id), ReportReply
    )
    assert "mysql_empty_password" not in {one.check for one in page.results}
    named = RunRequest(by="test", checks=("mysql_empty_password",))
    assert await coordinator.refusal(Verb.RUN, named) == "bad_request"
    assert (await ask(coordinator.bus, Verb.CHECK_ENABLE, switch, SwitchReply)).changed
    assert (await status(coordinator.bus)).summary.counts.critical == 2


async def test_finding_is_found_by_the_beginning_of_its_id_with_its_history(
    coordinator: RunningCoordinator,
) -> None:
    await coordinator.checked()
    page = await ask(coordinator.bus, Verb.FINDINGS, FindingsRequest(), FindingsReply)
    wanted = page.findings[0].id
    for text in (wanted[:-2], wanted.removeprefix("f_"), wanted.upper()[2:]):
        like = await ask(coordinator.bus, Verb.FINDING, FindingRequest(id=text), FindingReply)
        assert like.finding.id == wanted
    found = await ask(coordinator.bus, Verb.FINDING, FindingRequest(id=wanted), FindingReply)
    assert [event.change for event in found.history] == ["opened"]
    assert (found.outcome, found.facts and found.facts.version) == (Outcome.FAILED, (8, 4, 6))


async def test_broker_that_is_away_makes_requests_fail_with_a_code(
    coordinator: RunningCoordinator,
) -> None:
    await coordinator.checked()
    handler = coordinator.bus.broker.services[subjects.control(Verb.DISABLE)]
    coordinator.bus.broker.down = True
    with pytest.raises(RequestError) as caught:
        await handler(Request(data=codec.encode(SwitchRequest(by="test"))))
    coordinator.bus.broker.down = False
    assert caught.value.code == "unavailable"


async def test_enabling_again_within_the_same_second_is_a_run_of_its_own(
    coordinator: RunningCoordinator,
) -> None:
    first = await coordinator.checked()
    await ask(coordinator.bus, Verb.DISABLE, SwitchRequest(by="test"), SwitchReply)
    second = await enable(coordinator.bus)
    assert second.run_id != first
    assert (await finished(coordinator.bus, second.run_id)).done == 3


async def test_a_worker_with_other_checks_is_reported(coordinator: RunningCoordinator) -> None:
    def change(ledger: Ledger) -> None:
        rows = [msgspec.structs.replace(row, pack="other") for row in ledger.fleet.workers()]
        ledger.fleet.put_workers(rows)

    async def is_degraded() -> bool:
        await coordinator.store.transact(change)
        return (await status(coordinator.bus)).degraded == (
            "workers with other checks than the coordinator: w1",
        )

    await until(is_degraded)
