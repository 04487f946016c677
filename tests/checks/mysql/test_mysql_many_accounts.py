"""Servers with thousands of accounts: every check decides, and the few that matter are named."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.support.checks.mysql_rights.many import BAD, MANY, OPEN_ACCOUNTS, many_accounts
from tests.support.checks.real import CheckRunner, endpoint

ACCOUNTS = int(os.environ.get("STT_TEST_ACCOUNTS") or 12_000)
LONGEST_S = 60  # of all checks of the family, on a machine that does something else too


@pytest.fixture(params=["mysql", "mariadb"])
def crowded(request: pytest.FixtureRequest) -> Iterator[Running]:
    server: Running = request.getfixturevalue(request.param)
    with many_accounts(server, ACCOUNTS, mariadb=request.param == "mariadb"):
        yield server


async def test_among_thousands_of_accounts_the_few_that_matter_are_found_by_name(
    crowded: Running, runner: CheckRunner
) -> None:
    begun = time.monotonic()
    outcomes = await runner.run_all(endpoint(crowded, Family.MYSQL))
    took = time.monotonic() - begun
    undecided = {
        name: (one.kind, one.reason) for name, one in outcomes.items() if one.outcome == "error"
    }
    assert undecided == {}
    print(f"{ACCOUNTS} accounts: {took:.1f} s")
    assert took < LONGEST_S
    for check, account in BAD.items():
        found = {finding.object: finding for finding in outcomes[check].findings}
        assert account in found, (check, list(found)[:5])
    for check in OPEN_ACCOUNTS:
        further = [one for one in outcomes[check].findings if one.object == "further accounts"]
        assert [str(one.severity) for one in further] == ["major"], check
        rows = further[0].evidence
        assert sum(int(row[key]) for row in rows for key in ("named", "further")) >= MANY * ACCOUNTS
