"""What checks say that accounts may do, and what the server lets them do, in random states."""

from __future__ import annotations

import os

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.telemetry import logs
from tests.support.checks.mysql_rights.rounds import compare, comparing

MORE = int(os.environ.get("STT_TEST_STATES") or 0)  # `make check-truth`
STATES = MORE or 40  # of each server


@pytest.mark.parametrize("name", ["mysql"])
def test_checks_and_server_agree_what_each_account_of_a_random_state_may_do(
    name: str, request: pytest.FixtureRequest
) -> None:
    if MORE:
        logs.configure("info", "json")  # without that every check writes a line
    server: Running = request.getfixturevalue(name)
    with comparing(server) as one:
        compare(one, STATES)
        print(f"{name}: {one.compared} states, {one.accounts} accounts, 0 disagreements")
