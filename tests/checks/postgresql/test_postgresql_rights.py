"""What checks say that roles get to, and what the server lets them do, in random states."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stt_shared.telemetry import logs
from tests.servers.postgresql_majors import MAJORS, serving_major
from tests.support.checks.rights.rounds import compare, comparing

MORE = int(os.environ.get("STT_TEST_STATES") or 0)  # `make check-truth`: on every version
STATES = MORE or 100  # of each version
TRIED = MAJORS if MORE else (MAJORS[0], MAJORS[-1])


@pytest.mark.parametrize("major", TRIED)
def test_checks_and_server_agree_what_each_role_of_a_random_state_gets_to(
    major: int, servers_folder: Path
) -> None:
    if MORE:
        logs.configure("info", "json")  # without that every check writes a line
    with (
        serving_major(major, servers_folder / f"rights{major}") as server,
        comparing(server, major) as one,
    ):
        compare(one, STATES)
        print(f"PostgreSQL {major}: {one.compared} states, {one.roles} log-ins, 0 disagreements")
