"""What checks say who can log in, and who the server lets in, by random files of pg_hba.conf."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stt_shared.telemetry import logs
from tests.servers.certificates import Certificates
from tests.servers.postgresql_majors import DEBIAN, MAJORS, serving_major
from tests.support.checks.logins.rounds import compare, comparing

MORE = int(os.environ.get("STT_TEST_STATES") or 0)  # `make check-truth`: on every version
STATES = MORE or 5  # of each version
TRIED = MAJORS if MORE else (MAJORS[0], MAJORS[-1])
BOTH = ("-c", "listen_addresses=127.0.0.1,::1", "-c", "max_wal_senders=40")


@pytest.mark.timeout(0 if MORE else 300)
@pytest.mark.parametrize("major", TRIED)
def test_model_and_server_agree_who_can_log_in_by_a_random_file(
    major: int, servers_folder: Path, certificates: Certificates
) -> None:
    if MORE:
        logs.configure("info", "json")  # without that every check writes a line
    encrypts = major == DEBIAN  # the other builds have no TLS
    tls = (certificates.cert, certificates.key, certificates.ca) if encrypts else None
    with (
        serving_major(major, servers_folder / f"logins{major}", BOTH, tls) as server,
        comparing(server, major, tls=encrypts) as one,
    ):
        compare(one, STATES)
        print(
            f"PostgreSQL {major}: {one.compared} states, {one.tried} log-ins tried, "
            f"{one.admitted} let in, 0 disagreements"
        )
