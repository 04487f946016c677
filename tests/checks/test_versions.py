"""The version checks on real servers, evaluated by the version that each server reports."""

from __future__ import annotations

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.support.checks.real import CheckRunner, as_root, endpoint

SERVERS = [
    ("mysql", Family.MYSQL),
    ("mariadb", Family.MYSQL),
    ("postgresql", Family.POSTGRESQL),
    ("postgresql15", Family.POSTGRESQL),
    ("mongodb", Family.MONGODB),
    ("mongodb44", Family.MONGODB),
]


@pytest.mark.parametrize(("name", "family"), SERVERS)
@pytest.mark.parametrize("check", ["version", "version_eol", "known_cve"])
async def test_every_available_server_is_checked(
    runner: CheckRunner, name: str, family: Family, check: str, request: pytest.FixtureRequest
) -> None:
    server: Running = request.getfixturevalue(name)
    outcome = await runner.run(f"{family}_{check}", endpoint(server, family))
    assert outcome.outcome in {"passed", "failed"}, outcome
    assert all(one.evidence[0]["release_data_as_of"] for one in outcome.findings)


async def test_mysql_up_to_9_7_4_has_the_open_vulnerability_of_november(
    runner: CheckRunner, mysql: Running
) -> None:
    with (
        as_root(mysql) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT VERSION()")
        version = [int(part) for part in str(cursor.fetchall()[0][0]).split("-")[0].split(".")]
    found = await runner.objects("mysql_known_cve", endpoint(mysql, Family.MYSQL))
    # The package at hand may be newer than the data.
    assert ("CVE-2026-114952" in found) == (version <= [9, 7, 4])


async def test_mongodb_4_4_2_reads_memory_to_strangers(
    runner: CheckRunner, mongodb44: Running
) -> None:
    found = await runner.objects("mongodb_known_cve", endpoint(mongodb44, Family.MONGODB))
    assert found == {"CVE-2025-14847": "critical", "CVE-2026-118383": "critical"}


async def test_mongodb_6_0_27_has_the_fix_of_one_and_lacks_the_other(
    runner: CheckRunner, mongodb: Running
) -> None:
    found = await runner.objects("mongodb_known_cve", endpoint(mongodb, Family.MONGODB))
    assert found == {"CVE-2026-118383": "critical"}
