"""What checks say that users may do, and what the server lets them do, in random states."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stt_shared.telemetry import logs
from tests.support.checks.mongodb_rights.rounds import compare, comparing
from tests.support.checks.mongods import key_file, mongod

MORE = int(os.environ.get("STT_TEST_STATES") or 0)  # `make check-truth`
STATES = MORE or 6  # of each version


@pytest.mark.parametrize("binary", ["mongodb-4.4", "mongodb-6.0"])
def test_checks_and_server_agree_what_each_user_of_a_random_state_may_do(
    servers_folder: Path, binary: str
) -> None:
    if MORE:
        logs.configure("info", "json")  # without that every check writes a line
    key = key_file(servers_folder / f"key-{binary}")
    with (
        mongod(
            servers_folder / f"rights-{binary}", binary, words=["--keyFile", str(key)]
        ) as server,
        comparing(server) as one,
    ):
        compare(one, STATES)
        print(f"{binary}: {one.compared} states, {one.users} users, 0 disagreements")
