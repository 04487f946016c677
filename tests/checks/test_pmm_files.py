"""Check files in the manner of PMM, run unchanged on real servers, end as in PMM or better."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile import catalogue
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.protocol.enums import Family
from tests.support.checks.pmm import Compared, compare, needs_a_store
from tests.support.checks.real import CheckRunner

FILES = Path(__file__).parent / "pmm_style"
SERVERS = {
    "mariadb": Family.MYSQL,
    "mysql": Family.MYSQL,
    "postgresql": Family.POSTGRESQL,
    "postgresql15": Family.POSTGRESQL,
    "mongodb": Family.MONGODB,
    "mongodb44": Family.MONGODB,
}
# PMM throws the good findings away with the bad one; we keep them, and still say error.
KEEPS_THE_GOOD = {"style_unknown_severity"}


@pytest.fixture(scope="module")
def pack() -> Catalogue:
    return catalogue.load(FILES, strict=False)


async def compared(
    runner: CheckRunner, pack: Catalogue, server: Running, family: Family
) -> list[Compared]:
    return await compare(FILES, pack, server, runner, family)


def test_files_in_the_manner_of_pmm_load_unless_their_query_acts(pack: Catalogue) -> None:
    assert len(pack.checks) == 22
    # And two that hold what no check may send, left out and named.
    assert {fault.check: fault.message.partition(" is rejected: ")[2] for fault in pack.faults} == {
        "style_mysql_two_statements": "a semicolon is not allowed: a query is one statement",
        "style_postgresql_semicolon": "a semicolon is not allowed: a query is one statement",
    }


@pytest.mark.parametrize("server", SERVERS)
async def test_every_file_ends_as_in_pmm(
    runner: CheckRunner, pack: Catalogue, server: str, request: pytest.FixtureRequest
) -> None:
    family = SERVERS[server]
    running = request.getfixturevalue(server)
    found = await compared(runner, pack, running, family)
    other = {
        one.check.name: one.difference
        for one in found
        if not one.same and not needs_a_store(one.check)
    }
    assert other.keys() <= KEEPS_THE_GOOD, other


EXPECTED = {
    "style_mysql_comment_of_version": {"old"},
    "style_mysql_types": {
        *("bytes is string", "day is string", "exact is string", "floating is float"),
        *("moment is string", "nothing is NoneType", "truth is int", "whole is int"),
        *("words is string", "autocommit is ON", "server 9.7.4"),
    },
    "style_postgresql_types": {
        *("address is string", "an array is searched as text", "bytes is string"),
        *("document is string", "exact is string", "floating is float", "moment is int"),
        *("names is string", "never is string", "nothing is NoneType", "number is string"),
        *("truth is bool", "whole is int", "words is string"),
    },
    "style_postgresql_show": {"fsync is off", "a database"},
    "style_postgresql_addresses": {"private, public, private, unknown"},
    "style_mongodb_commands": {
        *("major 6", "ok is float", "SCRAM-SHA-256", "parsed is dict", "data is dict"),
    },
    "style_mongodb_old": {"bits 64"},
    "style_unknown_severity": {"good"},
}
REASONS = {
    "style_returns_text": ("error", "something is wrong"),
    "style_returns_nothing": ("error", "expected a list"),
    "style_calls_fail": ("error", "fail: cannot go on"),
    "style_misses_a_key": ("error", "two"),
    "style_unset_variable": ("error", "latest"),
    "style_unknown_severity": ("error", "major"),
    "style_bad_address": ("error", "nowhere"),
    "style_mongodb_replica_set": ("error", "not running with --replSet"),
    "style_metrics": ("skipped", "unsupported query type"),
    "style_clickhouse": ("skipped", "unsupported query type"),
    "style_passes": ("passed", ""),
}


async def test_values_and_failures_are_those_of_pmm(
    runner: CheckRunner, pack: Catalogue, mysql: Running, postgresql: Running, mongodb: Running
) -> None:
    found = {
        one.check.name: one.ours
        for server, family in (
            (mysql, Family.MYSQL),
            (postgresql, Family.POSTGRESQL),
            (mongodb, Family.MONGODB),
        )
        for one in await compared(runner, pack, server, family)
    }
    assert found["style_mongodb_commands"].outcome == "failed", found["style_mongodb_commands"]
    shown = {name: {one.summary for one in found[name].findings} for name in EXPECTED}
    assert shown == EXPECTED
    for name, (outcome, reason) in REASONS.items():
        assert found[name].outcome == outcome, found[name]
        assert reason in found[name].reason
