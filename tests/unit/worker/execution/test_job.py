"""One job in, one outcome per check out, whatever the server, a query or a script does."""

from __future__ import annotations

from typing import Any

import pytest

from stt_shared.checkfile.guard import parse_guard as guard
from stt_shared.checkfile.model import Check, QueryType
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, Facts, Job
from stt_worker.databases.inspection import DirectInspector
from stt_worker.databases.memory import Hanging
from stt_worker.databases.port import (
    Answer,
    Choose,
    Endpoint,
    Failure,
    Inspection,
    InspectionError,
    Limits,
)
from stt_worker.execution.job import CheckDependencies, execute
from tests.support.worker.fakes import (
    AT,
    FACTS,
    FAILS,
    PythonSandbox,
    check,
    database_of,
    dependencies,
    endpoint,
    job,
    query,
    question,
    server,
)


async def executed(
    checks: list[Check], having: CheckDependencies, host: str = "db", **fields: Any
) -> tuple[Facts | None, dict[str, CheckOutcome]]:
    async def endpoint_of() -> Endpoint:
        return endpoint(host)

    wanted: Job = job(checks, **fields)
    facts, outcomes = await execute(wanted, endpoint_of, having, now=AT)
    assert [one.check for one in outcomes] == [one.check for one in wanted.checks]
    return facts, {one.check: one for one in outcomes}


async def outcome(
    one: Check, having: CheckDependencies | None = None, host: str = "db"
) -> CheckOutcome:
    return (await executed([one], having or dependencies([one]), host))[1][one.name]


def outcome_and_kind(found: CheckOutcome) -> tuple[Outcome, Kind | None]:
    return found.outcome, found.kind


async def test_checks_pass_and_fail_on_one_connection_with_equal_queries_asked_once() -> None:
    checks = [check("a"), check("b", FAILS), check("c", queries=[query("1"), query("2")])]
    having = dependencies(checks, {"db": server({"1": [{"n": 1}], "2": []})})
    facts, outcomes = await executed(checks, having)
    assert facts == FACTS
    assert [str(one.outcome) for one in outcomes.values()] == ["passed", "failed", "passed"]
    assert outcomes["b"].findings[0].evidence == ({"n": 1},)
    database, sandbox = database_of(having), having.sandbox
    assert isinstance(sandbox, PythonSandbox)
    assert len(database.inspected) == 1
    assert [asked.text for _, asked in database.asked] == ["1", "2"]
    assert len(sandbox.runs) == 1


async def test_scripts_get_rows_as_their_format_says_and_the_facts() -> None:
    both: Answer = [{"n": 1}]
    checks = [
        check("one", queries=[query("1")], version=1),
        check("two", queries=[query("1"), query("2", all_dbs=True)]),
    ]
    by_database: Answer = {"app": [{"n": 2}]}
    answers: dict[Any, Answer] = {"1": both, query("2", all_dbs=True).what: by_database}
    having = dependencies(checks, {"db": server(answers)})
    await executed(checks, having)
    sandbox = having.sandbox
    assert isinstance(sandbox, PythonSandbox)
    ((docs, context),) = sandbox.runs
    assert docs == [both, [both, by_database]]
    assert context["server"]["flavour"] == "postgresql"
    assert list(context["server"]["version"]) == [18, 1]
    assert context["releases"] == {"as_of": "2026-11-01"}
    assert context["now"] == 1_795_449_600 * 10**9


@pytest.mark.parametrize("odd", ["surrogate", "nested"])
async def test_an_answer_that_has_no_json_breaks_only_the_checks_that_ask_for_it(odd: str) -> None:
    nested: list[Any] = []
    for _ in range(10_000):
        nested = [nested]
    checks = [check("good"), check("odd", queries=[query("1"), query("2")])]
    answers: dict[Any, Answer] = {"1": [{"n": 1}], "2": [{"n": "\ud800"}]}
    if odd == "nested":
        answers["2"] = [{"n": nested}]
    _, outcomes = await executed(checks, dependencies(checks, {"db": server(answers)}))
    assert outcome_and_kind(outcomes["good"]) == (Outcome.PASSED, None)
    assert outcome_and_kind(outcomes["odd"]) == (Outcome.ERROR, Kind.QUERY)
    assert "cannot be read as JSON" in outcomes["odd"].reason


@pytest.mark.parametrize("kind", [Kind.UNREACHABLE, Kind.AUTH, Kind.TLS, Kind.TIMEOUT])
async def test_a_server_that_cannot_be_looked_at_is_the_outcome_of_every_check(kind: Kind) -> None:
    checks = [check("a"), check("b")]
    having = dependencies(checks, {"db": InspectionError(kind, "no luck")})
    facts, outcomes = await executed(checks, having)
    assert facts is None
    assert {outcome_and_kind(one) for one in outcomes.values()} == {(Outcome.ERROR, kind)}
    assert {one.reason for one in outcomes.values()} == {"no luck"}


async def test_a_secret_that_cannot_be_read_is_a_fault_of_the_targets_configuration() -> None:
    async def endpoint_of() -> Endpoint:
        raise InspectionError(Kind.CONFIG, "cannot read the secret env:X")

    one = check("a")
    _, (found,) = await execute(job([one]), endpoint_of, dependencies([one]), now=AT)
    assert outcome_and_kind(found) == (Outcome.ERROR, Kind.CONFIG)


async def test_a_hanging_server_and_a_slow_query_cost_their_time_limit_and_no_more() -> None:
    one, two = check("a"), check("b", queries=[query("2")])
    hanging = await outcome(one, dependencies([one], {"db": Hanging()}))
    assert outcome_and_kind(hanging) == (Outcome.ERROR, Kind.UNREACHABLE)
    slow = server({"1": [], "2": []}, slow=frozenset({question("2")}))
    _, outcomes = await executed([one, two], dependencies([one, two], {"db": slow}))
    assert outcome_and_kind(outcomes["a"]) == (Outcome.PASSED, None)
    assert outcome_and_kind(outcomes["b"]) == (Outcome.ERROR, Kind.TIMEOUT)


async def test_a_failed_question_fails_only_the_checks_that_asked_it() -> None:
    one, two = check("a"), check("b", queries=[query("1"), query("2")])
    broken = Failure(kind=Kind.QUERY, reason='relation "x" does not exist')
    having = dependencies([one, two], {"db": server({"1": [], "2": broken})})
    _, outcomes = await executed([one, two], having)
    assert outcome_and_kind(outcomes["a"]) == (Outcome.PASSED, None)
    assert outcome_and_kind(outcomes["b"]) == (Outcome.ERROR, Kind.QUERY)
    assert outcomes["b"].reason == 'relation "x" does not exist'


async def test_a_missing_right_is_named_with_the_grant_that_gives_it() -> None:
    denied = Failure(kind=Kind.NO_PRIVILEGE, reason="permission denied for table x")
    one = check("a", privileges={"postgresql": ("GRANT SELECT ON x TO stt",), "mysql": ("y",)})
    found = await outcome(one, dependencies([one], {"db": server({"1": denied})}))
    assert outcome_and_kind(found) == (Outcome.ERROR, Kind.NO_PRIVILEGE)
    assert found.reason == (
        "permission denied for table x; the check needs: GRANT SELECT ON x TO stt"
    )


async def test_a_check_that_is_not_held_names_both_versions() -> None:
    held, other = check("a"), check("a", FAILS)
    found = await outcome(other, dependencies([held]))
    assert outcome_and_kind(found) == (Outcome.ERROR, Kind.UNKNOWN_CHECK)
    assert other.digest[:12] in found.reason
    assert held.digest[:12] in found.reason
    gone = await outcome(check("b"), dependencies([held]))
    assert "has no check of that name" in gone.reason


async def test_a_target_is_not_connected_to_for_checks_that_cannot_be_run() -> None:
    metrics = query("up")
    unsupported = check("m", queries=[type(metrics)(type=QueryType.METRICS_INSTANT, text="up")])
    foreign = check("f", family=Family.MYSQL)
    having = dependencies([unsupported, foreign])
    facts, outcomes = await executed([unsupported, foreign, check("gone")], having)
    assert facts is None
    assert outcome_and_kind(outcomes["m"]) == (Outcome.SKIPPED, Kind.UNSUPPORTED)
    assert "METRICS_INSTANT" in outcomes["m"].reason
    assert outcome_and_kind(outcomes["f"]) == (Outcome.SKIPPED, Kind.NOT_APPLICABLE)
    assert outcome_and_kind(outcomes["gone"]) == (Outcome.ERROR, Kind.UNKNOWN_CHECK)
    assert database_of(having).inspected == []


async def test_guards_choose_the_variant_and_none_that_holds_skips() -> None:
    old, new = guard("postgresql < 16"), guard("postgresql >= 16")
    variants = check(
        "v",
        FAILS,
        queries=[query("old", name="roles", when=old), query("new", name="roles", when=new)],
    )
    none = check("n", queries=[query("1"), query("old", when=old)])
    having = dependencies([variants, none], {"db": server({"new": [{"new": True}], "1": []})})
    _, outcomes = await executed([variants, none], having)
    assert outcomes["v"].findings[0].evidence == ({"new": True},)
    assert outcome_and_kind(outcomes["n"]) == (Outcome.SKIPPED, Kind.NOT_APPLICABLE)
    assert outcomes["n"].reason == "applies to postgresql < 16; the server is postgresql 18.1"
    assert [asked.text for _, asked in database_of(having).asked] == ["new"]


async def test_a_script_that_breaks_leaves_the_others_their_outcome() -> None:
    checks = [check("a", "def check_context(d, c):\n    return d[99]\n"), check("b")]
    _, outcomes = await executed(checks, dependencies(checks))
    assert outcome_and_kind(outcomes["a"]) == (Outcome.ERROR, Kind.SCRIPT)
    assert outcome_and_kind(outcomes["b"]) == (Outcome.PASSED, None)


async def test_a_job_has_a_deadline() -> None:
    one = check("a")
    having = dependencies([one], {"db": server(latency_s=30.0)}, deadline_s=0.05)
    found = await outcome(one, having)
    assert outcome_and_kind(found) == (Outcome.ERROR, Kind.TIMEOUT)
    assert "within 0.05 s" in found.reason


class Buggy:
    """A driver with a bug."""

    async def inspect(self, endpoint: Endpoint, choose: Choose, limits: Limits) -> Inspection:
        raise KeyError(f"{endpoint} {choose} {limits} hunter2")

    async def close(self) -> None:
        """Nothing."""


async def test_a_bug_in_a_driver_costs_one_job_and_tells_nothing_secret() -> None:
    one = check("a")
    found = await outcome(one, dependencies([one], inspector=DirectInspector(Buggy())))
    assert outcome_and_kind(found) == (Outcome.ERROR, Kind.QUERY)
    assert found.reason == "internal error KeyError, see the worker's log"


async def test_an_endless_version_text_does_not_make_the_result_too_large() -> None:
    one = check("a")
    endless = Facts(flavour="postgresql", version=(18,), version_text="x" * 2_000_000)
    facts, _ = await executed([one], dependencies([one], {"db": server(facts=endless)}))
    assert facts is not None
    assert len(facts.version_text) == 500
