"""What checks say of log-ins to random accounts, and who gets in to them on the server."""

from __future__ import annotations

import getpass
import os

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.telemetry import logs
from tests.servers.certificates import Certificates
from tests.support.checks.mysql_rights.logins import compare_log_ins, trying_log_ins

MORE = int(os.environ.get("STT_TEST_STATES") or 0)  # `make check-truth`
SEED = int(os.environ.get("STT_TEST_SEED") or 20261130)
STATES = MORE or 10  # of each server, of six accounts


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_checks_and_server_agree_who_gets_in_to_a_random_account(
    name: str, request: pytest.FixtureRequest, certificates: Certificates
) -> None:
    if MORE:
        logs.configure("info", "json")  # without that every check writes a line
    server: Running = request.getfixturevalue(name)
    with trying_log_ins(server, certificates, getpass.getuser()) as one:
        compare_log_ins(one, SEED, STATES)
        print(f"{name}: {one.compared} accounts, {one.entered} let somebody in, 0 disagreements")
        assert 0 < one.entered < one.compared
