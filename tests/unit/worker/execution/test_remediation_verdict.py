"""A remediation as data: kept whole, named where parts are missing, left out without room."""

from __future__ import annotations

from typing import Any

import msgspec

from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome
from stt_worker.execution.verdict import NO_ROOM, fit, outcome_of
from stt_worker.sandbox.port import Returned

CHECK = Check(
    name="c",
    version=2,
    family=Family.MYSQL,
    summary="s",
    description="d",
    script="",
    queries=(),
    digest="0" * 64,
)


def outcome_for(*findings: Any) -> CheckOutcome:
    return outcome_of(CHECK, Returned(value=list(findings)))


def finding(**fields: Any) -> dict[str, Any]:
    return {"summary": "bad", "severity": "critical", **fields}


WHOLE = {
    "before": "b",
    "statement": ["ALTER ROLE a NOLOGIN;"],
    "effect": "e",
    "restart": "none",
    "persistent": "p",
    "undo": "ALTER ROLE a LOGIN;",
}


def test_a_remediation_as_data_is_kept_with_its_text_for_readers_of_texts() -> None:
    (found,) = outcome_for(finding(remediation=WHOLE)).findings
    assert found.fix is not None
    assert (found.fix.effect, found.fix.undo) == ("e", ("ALTER ROLE a LOGIN;",))
    assert found.remediation == found.fix.text == "ALTER ROLE a NOLOGIN;"


def test_a_bare_statement_in_a_dict_is_an_error_that_names_what_is_missing() -> None:
    found = outcome_for(finding(remediation={"statement": "ALTER ROLE a NOLOGIN;"}), finding())
    assert (found.outcome, found.kind) == (Outcome.ERROR, Kind.SCRIPT)
    assert "finding 1: remediation has no effect; remediation has no before" in found.reason
    assert len(found.findings) == 1


def test_a_remediation_has_no_secrets_and_is_never_cut() -> None:
    long = [f"ALTER ROLE a{'x' * 4_000} NOLOGIN;", "ALTER ROLE a PASSWORD 'hunter2';"]
    (found,) = outcome_for(finding(remediation=WHOLE | {"statement": long})).findings
    assert found.fix is not None
    assert found.fix.statement[0] == long[0]
    assert "hunter2" not in found.remediation


def test_hiding_secrets_makes_a_remediation_longer_and_cuts_nothing_off() -> None:
    many = " ".join(["CONNECTION 'postgresql://u:p@h/d'"] * 460)
    (found,) = outcome_for(finding(remediation=WHOLE | {"statement": many})).findings
    assert len(found.remediation) > len(many)
    assert found.remediation.endswith("@h/d'")


def test_outcomes_that_fit_without_statements_keep_their_findings() -> None:
    whole = WHOLE | {"statement": "ALTER ROLE a NOLOGIN;" * 40}
    small = outcome_for(finding(object="small", remediation=WHOLE))
    large = outcome_for(*(finding(object=f"t{n}", remediation=whole) for n in range(500)))
    kept, reduced = fit([small, large], 300_000)
    assert kept == small
    assert (reduced.outcome, len(reduced.findings)) == (Outcome.FAILED, 500)
    for one in reduced.findings:
        assert one.fix is not None
        assert (one.fix.statement, one.fix.undo, one.fix.effect) == ((), (), "e")
        assert one.fix.action == one.remediation == NO_ROOM
    assert len(msgspec.json.encode([kept, reduced])) <= 300_000


def test_500_findings_with_the_longest_remediations_fit_by_their_prose() -> None:
    whole = WHOLE | {"statement": "s" * 15_900}
    large = outcome_for(*(finding(object=f"t{n}", remediation=whole) for n in range(500)))
    (reduced,) = fit([large], 868 * 1024)
    assert (reduced.outcome, len(reduced.findings)) == (Outcome.FAILED, 500)
