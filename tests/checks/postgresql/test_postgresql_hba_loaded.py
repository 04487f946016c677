"""Rules of pg_hba.conf and pg_ident.conf that were edited, and that the server has not loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.grants.statements import PASSWORD, Account, Product, steps
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint
from tests.support.checks.hba import RELOAD, file_of, rules, until_loaded
from tests.support.checks.hba_cases import NO_ROLES, ROLES
from tests.support.checks.real import (
    CheckRunner,
    endpoint,
    postgresql_do,
    postgresql_state,
)
from tests.support.checks.scenario import statements

PREFIX = "postgresql_hba_"
CHECKS = (
    *("trust", "cleartext", "md5", "ident", "any_address", "no_tls", "superuser_remote"),
    *("replication_open", "errors"),
)
IDENT = "postgresql_ident_map_wide"


@pytest.fixture(params=["postgresql15", "postgresql"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


NOT_RELOADED = PREFIX + "not_reloaded"


@contextmanager
def least(server: Running, *, without: str = "nothing") -> Iterator[Endpoint]:
    """The account of `stt grants`, with its functions but those whose statements have a word."""
    account = Account(user="hba_least")
    made = steps(Product.POSTGRESQL, builtin().checks.values(), account)
    lines = [one.replace(PASSWORD, "low") for step in made for one in step.statements]
    make = [one for one in lines if without not in one]
    undo = ["DROP SCHEMA stt CASCADE", "DROP OWNED BY hba_least", "DROP ROLE hba_least"]
    with postgresql_state(server, make, undo):
        yield replace(endpoint(server, Family.POSTGRESQL), user="hba_least", password="low")


async def test_a_file_that_was_edited_and_not_loaded_is_a_fact_of_its_own_and_decides_nothing(
    runner: CheckRunner, server: Running
) -> None:
    ident, hba = file_of(server).with_name("pg_ident.conf"), file_of(server)
    postgresql_do(server, [RELOAD])
    with least(server) as where:
        until_loaded(server)
        for file, own in ((ident, [IDENT]), (hba, [PREFIX + one for one in CHECKS])):
            before = file.read_text(encoding="utf-8")
            file.write_text(f"{before}# host all all all trust\n", encoding="utf-8")
            try:
                (finding,) = (await runner.run(NOT_RELOADED, where)).findings
                assert finding.object == str(file)
                boss = await runner.run(NOT_RELOADED, endpoint(server, Family.POSTGRESQL))
                assert boss.findings == (finding,)
                for check in {*own} - {PREFIX + "errors", PREFIX + "no_tls"}:
                    outcome = await runner.run(check, where)
                    assert (outcome.outcome, outcome.kind) == ("skipped", "undecided"), outcome
                postgresql_do(server, statements(finding.remediation))
                until_loaded(server)
                assert (await runner.run(NOT_RELOADED, where)).outcome == "passed"
                assert (await runner.run(own[0], where)).outcome == "passed"
            finally:
                file.write_text(before, encoding="utf-8")
                postgresql_do(server, [RELOAD])
            until_loaded(server)
    # Without the function a superuser decides nothing, and anybody else is refused.
    boss = await runner.run(NOT_RELOADED, endpoint(server, Family.POSTGRESQL))
    assert (boss.kind, "stt.file_times()" in boss.reason) == ("undecided", True)
    with postgresql_state(
        server, ["CREATE ROLE hba_low LOGIN PASSWORD 'low'"], ["DROP ROLE hba_low"]
    ):
        low = replace(endpoint(server, Family.POSTGRESQL), user="hba_low", password="low")
        assert (await runner.run(NOT_RELOADED, low)).kind == "no_privilege"


async def test_an_account_made_by_grants_of_before_keeps_its_verdicts_of_the_rules(
    runner: CheckRunner, server: Running
) -> None:
    line = "host all hba_plain 10.0.0.0/8 trust"
    with postgresql_state(server, ROLES, NO_ROLES), least(server, without="file_times") as where:
        names = [PREFIX + one for one in CHECKS] + [IDENT]
        for lines in ([], [line]):
            with rules(server, lines):
                until_loaded(server)
                boss = await runner.run_all(endpoint(server, Family.POSTGRESQL), names)
                low = await runner.run_all(where, [*names, NOT_RELOADED])
                assert {one: low[one].findings for one in names} == {
                    one: boss[one].findings for one in names
                }
                assert {low[one].outcome for one in names} <= {"passed", "failed", "skipped"}
                assert low[PREFIX + "trust"].outcome == ("failed" if lines else "passed")
                assert low[NOT_RELOADED].kind == "no_privilege"
