"""Remediations on PostgreSQL heal, leave monitoring, applications and standbys alone, and undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.checks.hba import put, put_back, rules
from tests.support.checks.real import CheckRunner, postgresql_do
from tests.support.checks.remedies.execution import prove
from tests.support.checks.remedies.postgresql import MONITOR, SECRET, Surroundings, in_use
from tests.support.checks.scenario import State, parameters
from tests.support.checks.states import ALL

STATES = [state for state in ALL if state.check.startswith("postgresql_")]


@pytest.fixture(scope="module")
def postgresql_in_use(postgresql: Running, servers_folder: Path) -> Iterator[Surroundings]:
    with in_use(postgresql, servers_folder / "follows18") as around:
        yield around


@pytest.fixture(scope="module")
def postgresql15_in_use(postgresql15: Running, servers_folder: Path) -> Iterator[Surroundings]:
    with in_use(postgresql15, servers_folder / "follows15") as around:
        yield around


@pytest.mark.parametrize(("state", "name"), parameters(STATES))
async def test_a_state_is_found_healed_and_made_again_while_the_server_is_in_use(
    runner: CheckRunner, state: State, name: str, request: pytest.FixtureRequest
) -> None:
    around: Surroundings = request.getfixturevalue(f"{name}_in_use")
    await prove(runner, around, state)


async def test_monitoring_is_never_locked_out_by_the_rule_that_lets_it_in(
    runner: CheckRunner, postgresql15_in_use: Surroundings
) -> None:
    around = postgresql15_in_use
    md5 = f"SET password_encryption = 'md5'; ALTER ROLE {MONITOR.user} PASSWORD '{SECRET}'"
    scram = md5.replace("'md5'", "'scram-sha-256'")
    for check, method in (("trust", "trust"), ("md5", "md5")):
        name = f"postgresql_hba_{check}"
        with rules(around.server, [f"host all all 127.0.0.1/32 {method}"]):
            if method == "md5":
                postgresql_do(around.server, [md5])
                (finding,) = (await runner.run(name, around.where)).findings
                assert finding.fix is not None
                assert (finding.fix.lines, finding.fix.statement) == ("", ())
                assert "the password of each of these roles again" in finding.fix.action
                postgresql_do(around.server, [scram])
            (finding,) = (await runner.run(name, around.where)).findings
            put(around.server, finding)
            assert (await runner.run(name, around.where)).outcome == "passed"
            around.work()
            put_back(around.server, finding)
            assert (await runner.run(name, around.where)).outcome == "failed"
