"""The version checks on real servers: whatever is at hand is judged by what it says of itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pymysql
import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.support.checks.real import Judge, endpoint, judging

SERVERS = [
    ("mysql", Family.MYSQL),
    ("mariadb", Family.MYSQL),
    ("postgresql", Family.POSTGRESQL),
    ("postgresql15", Family.POSTGRESQL),
    ("mongodb", Family.MONGODB),
    ("mongodb44", Family.MONGODB),
]


@pytest.fixture
async def judge() -> AsyncIterator[Judge]:
    async with judging() as one:
        yield one


@pytest.mark.parametrize(("name", "family"), SERVERS)
@pytest.mark.parametrize("check", ["version", "version_eol", "known_cve"])
async def test_every_server_at_hand_is_judged(
    judge: Judge, name: str, family: Family, check: str, request: pytest.FixtureRequest
) -> None:
    server: Running = request.getfixturevalue(name)
    outcome = await judge.run(f"{family}_{check}", endpoint(server, family))
    assert outcome.outcome in {"passed", "failed"}, outcome
    assert all(one.evidence[0]["release_data_as_of"] for one in outcome.findings)


async def test_mysql_up_to_9_7_4_has_the_open_vulnerability_of_november(
    judge: Judge, mysql: Running
) -> None:
    with (
        pymysql.connect(
            unix_socket=mysql.socket, user=mysql.user, password=mysql.password
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT VERSION()")
        version = [int(part) for part in str(cursor.fetchall()[0][0]).split("-")[0].split(".")]
    found = await judge.objects("mysql_known_cve", endpoint(mysql, Family.MYSQL))
    # The package at hand may be newer than the data.
    assert ("CVE-2026-114952" in found) == (version <= [9, 7, 4])


async def test_mongodb_4_4_2_reads_memory_to_strangers(judge: Judge, mongodb44: Running) -> None:
    found = await judge.objects("mongodb_known_cve", endpoint(mongodb44, Family.MONGODB))
    assert found == {"CVE-2025-14847": "critical", "CVE-2026-118383": "critical"}


async def test_mongodb_6_0_27_has_the_fix_of_one_and_lacks_the_other(
    judge: Judge, mongodb: Running
) -> None:
    found = await judge.objects("mongodb_known_cve", endpoint(mongodb, Family.MONGODB))
    assert found == {"CVE-2026-118383": "critical"}
