"""Exceptions in a coordinator: each verb, what it refuses, and what becomes of the findings."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec
import pytest

from stt_shared.protocol.control import StatusReply, Verb
from stt_shared.protocol.enums import Change, Severity
from stt_shared.protocol.reports import ReportReply, ReportRequest
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
from tests.support.coordinator.exceptions_site import DAY, EMPTY, SOON, TODAY, House, excepting


@pytest.fixture
async def house() -> AsyncGenerator[House]:
    async with excepting() as made:
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
    made = await ask(house.bus, Verb.SEVERITY_SET, request, SuppressionReply)
    assert (made.findings, made.exception.until) == (4, None)
    records = await house.findings()
    assert {(one.severity, one.said_severity) for one in records} == {
        ("major", "critical"),
        ("major", "trivial"),
    }
    report = await ask(house.bus, Verb.REPORT, ReportRequest(run_id=house.run_id), ReportReply)
    assert (report.counts.critical, report.counts.major) == (0, 4)
    reset = SeverityResetRequest(check=EMPTY, site=SITE, by="bob")
    assert (await ask(house.bus, Verb.SEVERITY_RESET, reset, SuppressionReply)).changed
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
    found = await house.refusal(Verb.EXCEPTIONS, SuppressionsRequest(state="old"))
    assert found[0] == "bad_request"


async def test_status_without_exceptions_names_no_end(house: House) -> None:
    found: StatusReply = await status(house.bus)
    assert (found.next_end, found.summary.counts.accepted) == (None, 0)
