"""Every declared bad state of a server is found there and mended by what the finding says.

Those of the other families are tried on servers in use: test_mysql_remedies.py,
test_postgresql_remedies.py.
"""

from __future__ import annotations

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.checks.real import CheckRunner
from tests.support.checks.scenario import State, parameters, prove
from tests.support.checks.states import ALL

STATES = [state for state in ALL if state.check.startswith("mongodb_")]


@pytest.mark.parametrize(("state", "name"), parameters(STATES))
async def test_state_is_found_and_mended_by_the_findings_own_remediation(
    runner: CheckRunner, state: State, name: str, request: pytest.FixtureRequest
) -> None:
    server: Running = request.getfixturevalue(name)
    await prove(runner, server, state)
