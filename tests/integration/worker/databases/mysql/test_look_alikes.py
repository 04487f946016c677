"""Servers that only speak MySQL's protocol get no verdict of MySQL's checks."""

from __future__ import annotations

import pytest

from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_worker.databases.port import Endpoint, Tls
from tests.hostile.mysql.fake_mysql import OK, fake_mysql
from tests.support.checks.real import open_check_runner


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("8.0.11-TiDB-v7.5.0", "tidb"),
        ("5.7.25-vitess", "vitess"),
        ("8.0.30-proxysql", "proxysql"),
        ("6.3.0 1811a9efb@24052209 (columnar 2.3.0 88a01c3@24052206)", "manticore"),
        ("8.4.2-greptimedb-1.0.0", "greptimedb"),
        ("8.0.90-v1.2.790-nightly-0123abcdef(rust-1.85.0-nightly)", "databend"),
    ],
)
async def test_what_only_speaks_the_protocol_is_named_and_not_evaluated(
    version: str, name: str
) -> None:
    with fake_mysql(lambda peer: peer.say(OK), version=version) as fake:
        async with open_check_runner() as runner:
            where = Endpoint(
                family=Family.MYSQL, port=fake.port, user="u", password="p", tls=Tls(mode="off")
            )
            outcomes = (await runner.run_all(where)).values()
    assert len(outcomes) > 30
    assert {one.outcome for one in outcomes} == {Outcome.SKIPPED}
    assert {one.kind for one in outcomes} == {Kind.NOT_APPLICABLE}
    (reason,) = {one.reason for one in outcomes}
    assert reason.startswith(f"the server is {name} (")
