"""Remediations on MySQL and MariaDB heal, leave monitoring and applications alone, and undo."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.checks.real import CheckRunner
from tests.support.checks.remedies.execution import prove
from tests.support.checks.remedies.mysql import Surroundings, in_use
from tests.support.checks.scenario import State, parameters
from tests.support.checks.states import ALL

STATES = [state for state in ALL if state.check.startswith("mysql_")]
Servers = dict[str, Surroundings]


@pytest.fixture(scope="module")
def mysql_in_use(mysql: Running) -> Iterator[Surroundings]:
    with in_use(mysql) as around:
        yield around


@pytest.fixture(scope="module")
def mariadb_in_use(mariadb: Running) -> Iterator[Surroundings]:
    with in_use(mariadb) as around:
        yield around


@pytest.mark.parametrize(("state", "name"), parameters(STATES))
async def test_a_state_is_found_healed_and_made_again_while_the_server_is_in_use(
    runner: CheckRunner, state: State, name: str, request: pytest.FixtureRequest
) -> None:
    around: Surroundings = request.getfixturevalue(f"{name}_in_use")
    await prove(runner, around, state)
