"""Exceptions in a coordinator: each verb, what it refuses, and what becomes of the findings."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from stt_shared.protocol.control import StatusReply, Verb
from stt_shared.protocol.enums import Change, Severity
from stt_shared.protocol.queries.reports import ReportReply, ReportRequest
from stt_shared.protocol.records import Acceptance
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    SeverityResetRequest,
    SeveritySetRequest,
    SuppressionReply,
    SuppressionsRequest,
    UnacceptRequest,
)
from stt_shared.report.counts import of_results
from tests.support.coordinator.coordination import (
    SITE,
    ask,
    status,
)
from tests.support.coordinator.suppressions_site import (
    DAY,
    EMPTY,
    SOON,
    TODAY,
    RunningCoordinator,
    coordinator_with_findings,
)


@pytest.fixture
async def coordinator() -> AsyncGenerator[RunningCoordinator]:
    async with coordinator_with_findings() as made:
        yield made


async def test_an_accepted_finding_counts_apart_keeps_its_state_and_says_who_and_why(
    coordinator: RunningCoordinator,
) -> None:
    before = await coordinator.findings()
    reply = await coordinator.accept(finding=before[0].id[:9])
    assert (reply.findings, reply.changed, reply.replaced) == (1, True, "")
    (kept,) = await coordinator.findings("accepted")
    assert (kept.id, kept.state, kept.severity) == (before[0].id, before[0].state, "critical")
    assert kept.accepted is not None
    assert kept.accepted == Acceptance(
        exception=reply.exception.id, until=SOON, by="ann", reason="proxy only"
    )
    assert [one.id for one in await coordinator.findings()] == [one.id for one in before[1:]]
    assert await coordinator.numbers() == (1, 2, 1)
    assert (await status(coordinator.bus)).next_end == SOON
    assert await coordinator.history(kept.id) == [Change.OPENED, Change.ACCEPTED]


async def test_what_was_revoked_is_open_again_as_it_was(coordinator: RunningCoordinator) -> None:
    before = await coordinator.findings()
    made = await coordinator.accept(check=EMPTY, site=SITE)
    assert (made.findings, await coordinator.numbers()) == (4, (0, 0, 4))
    gone = await coordinator.unaccept(made.exception.id[:8], reason="fixed soon")
    assert (gone.changed, gone.exception.revoked_by) == (True, "bob")
    assert gone.exception.revoked_reason == "fixed soon"
    assert await coordinator.findings() == before
    assert (await coordinator.history(before[0].id))[-1] is Change.UNACCEPTED
    again = await coordinator.unaccept(made.exception.id)
    assert (again.changed, again.exception) == (False, gone.exception)
    assert await coordinator.listed() == []
    assert (
        await coordinator.listed("revoked") == await coordinator.listed("all") == [gone.exception]
    )


@pytest.mark.parametrize(
    ("scope", "number"),
    [
        ({"target": "orders"}, 2),
        ({"label": "team=orders"}, 2),
        ({"site": SITE}, 4),
    ],
)
async def test_a_check_is_accepted_on_a_target_a_label_or_a_site(
    coordinator: RunningCoordinator, scope: dict[str, str], number: int
) -> None:
    tried = await coordinator.accept(check=EMPTY, **scope, dry_run=True)
    assert (tried.findings, tried.changed) == (number, False)
    assert await coordinator.findings("accepted") == []
    assert (await coordinator.accept(check=EMPTY, **scope)).findings == number
    assert len(await coordinator.findings("accepted")) == number


async def test_a_second_exception_for_the_same_takes_the_place_of_the_first(
    coordinator: RunningCoordinator,
) -> None:
    first = await coordinator.accept(check=EMPTY, target="orders")
    second = await coordinator.accept(check=EMPTY, target="orders", until=SOON + DAY)
    assert second.replaced == first.exception.id
    assert [one.id for one in await coordinator.listed()] == [second.exception.id]
    (over,) = await coordinator.listed("revoked")
    assert over.revoked_reason == f"replaced by {second.exception.id}"
    found = {one.accepted.until for one in await coordinator.findings("accepted") if one.accepted}
    assert found == {SOON + DAY}


async def test_a_finding_is_unaccepted_by_its_own_id_but_not_what_is_wider(
    coordinator: RunningCoordinator,
) -> None:
    one, other = (await coordinator.findings())[:2]
    await coordinator.accept(finding=one.id)
    assert (await coordinator.unaccept(one.id)).changed
    wide = await coordinator.accept(check=EMPTY, site=SITE)
    request = UnacceptRequest(by="test", id=other.id)
    code, sentence = await coordinator.refusal(Verb.UNACCEPT, request)
    assert code == "bad_request"
    assert wide.exception.id in sentence


async def test_the_gate_of_a_run_is_not_failed_by_accepted_findings(
    coordinator: RunningCoordinator,
) -> None:
    await coordinator.accept(check=EMPTY, site=SITE)
    for run_id in ("", coordinator.run_id):
        report = await ask(coordinator.bus, Verb.REPORT, ReportRequest(run_id=run_id), ReportReply)
        counts = report.counts
        assert (counts.critical, counts.trivial, counts.accepted) == (0, 0, 4)
        assert of_results(report.results) == counts
        found = [one for each in report.results for one in each.findings]
        assert len(found) == 4
        assert all(one.accepted is not None and one.accepted.by == "ann" for one in found)


async def test_another_severity_holds_at_its_site_until_it_is_reset(
    coordinator: RunningCoordinator,
) -> None:
    request = SeveritySetRequest(
        check=EMPTY, site=SITE, severity=Severity.MAJOR, reason="no network", by="ann"
    )
    made = await ask(coordinator.bus, Verb.SEVERITY_SET, request, SuppressionReply)
    assert (made.findings, made.exception.until) == (4, None)
    records = await coordinator.findings()
    assert {(one.severity, one.said_severity) for one in records} == {
        ("major", "critical"),
        ("major", "trivial"),
    }
    report = await ask(
        coordinator.bus, Verb.REPORT, ReportRequest(run_id=coordinator.run_id), ReportReply
    )
    assert (report.counts.critical, report.counts.major) == (0, 4)
    reset = SeverityResetRequest(check=EMPTY, site=SITE, by="bob")
    assert (await ask(coordinator.bus, Verb.SEVERITY_RESET, reset, SuppressionReply)).changed
    assert await coordinator.numbers() == (2, 2, 0)
    assert (await coordinator.refusal(Verb.SEVERITY_RESET, reset))[0] == "unknown_exception"


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
    coordinator: RunningCoordinator, changes: dict[str, object], code: str, sentence: str
) -> None:
    values: dict[str, object] = {
        "by": "test",
        "check": EMPTY,
        "target": "orders",
        "until": SOON,
        "reason": "proxy only",
    }
    request = AcceptRequest(**(values | changes))  # type: ignore[arg-type]
    found = await coordinator.refusal(Verb.ACCEPT, request)
    assert (found[0], sentence in found[1]) == (code, True), found
    assert await coordinator.listed("all") == []


@pytest.mark.parametrize(
    ("id_", "code"), [("x_nope", "unknown_exception"), ("x_", "unknown_exception")]
)
async def test_an_unknown_exception_is_not_revoked(
    coordinator: RunningCoordinator, id_: str, code: str
) -> None:
    assert (await coordinator.refusal(Verb.UNACCEPT, UnacceptRequest(by="test", id=id_)))[0] == code
    (one, *_) = await coordinator.findings()
    found = await coordinator.refusal(Verb.UNACCEPT, UnacceptRequest(by="test", id=one.id))
    assert found == ("unknown_exception", f"finding {one.id} is not accepted")


async def test_list_refuses_a_state_that_there_is_not(coordinator: RunningCoordinator) -> None:
    found = await coordinator.refusal(Verb.EXCEPTIONS, SuppressionsRequest(state="old"))
    assert found[0] == "bad_request"


async def test_status_without_exceptions_names_no_end(coordinator: RunningCoordinator) -> None:
    found: StatusReply = await status(coordinator.bus)
    assert (found.next_end, found.summary.counts.accepted) == (None, 0)
