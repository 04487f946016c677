"""Behind PgBouncer the session is ours as well, in each mode; or it is refused and says why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint
from tests.hostile.postgresql.postgresql_tenant import (
    DATABASE,
    LEAST_PASSWORD,
    do,
    least_account,
    shadowed,
)
from tests.hostile.session_settings import verdicts
from tests.servers import pgbouncer
from tests.servers.fixtures import serving
from tests.support.checks.real import CheckRunner, endpoint, open_check_runner

Start = Callable[[str, str], Running]


@pytest.fixture
async def runner() -> AsyncIterator[CheckRunner]:
    async with open_check_runner() as one:
        yield one


@pytest.fixture(scope="module")
def start(postgresql: Running, servers_folder: Path) -> Iterator[Start]:
    """PgBouncers in front of the server, by mode and further settings."""
    with ExitStack() as stack:

        def started(mode: str, more: str = "") -> Running:
            folder = servers_folder / f"pgbouncer-{mode}-{len(more)}"

            def begin() -> Running:
                made = pgbouncer.start(folder, postgresql, mode, more)
                users = f'"stt_least" "{LEAST_PASSWORD}"\n'
                (folder / "users").write_text(users, encoding="utf-8")
                return made.start()

            return stack.enter_context(serving("PgBouncer", begin))

        yield started


@pytest.fixture
def least(postgresql: Running) -> Iterator[Endpoint]:
    with least_account(postgresql) as where:
        yield where


def behind(where: Endpoint, pooler: Running) -> Endpoint:
    return replace(where, host=pooler.host, port=pooler.port)


def bend_the_pool(where: Endpoint) -> None:
    """What another client of the pool leaves in the session that we get next."""
    with psycopg.connect(
        host=where.host,
        port=where.port,
        user=where.user,
        password=where.password,
        dbname=where.database,
        autocommit=True,
    ) as other:
        other.execute("SET default_transaction_read_only = off")
        other.execute("CREATE TEMP TABLE pg_roles AS SELECT 1 AS oid")
        for name, value in {
            "standard_conforming_strings": "off",
            "statement_timeout": "60001",
            "role": "pg_monitor",
            "default_transaction_isolation": "serializable",
            "search_path": "s, pg_catalog",
        }.items():
            other.execute("SELECT set_config(%s, %s, false)", [name, value])


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_verdicts_behind_a_pooler_are_those_in_front_of_the_server(
    runner: CheckRunner, postgresql: Running, least: Endpoint, start: Start, mode: str
) -> None:
    with shadowed(postgresql) as marker:
        do(postgresql, ["GRANT pg_monitor TO stt_least"])
        where = replace(least, database=DATABASE)
        before = verdicts(await runner.run_all(where))
        do(postgresql, [f"ALTER DATABASE {DATABASE} SET search_path = s, pg_catalog"])
        pooled = behind(where, start(mode, ""))
        # The reset between clients left out, as setups with few settings have it.
        careless = behind(where, start(mode, "server_reset_query ="))
        found = [verdicts(await runner.run_all(pooled))]
        do(postgresql, [f"ALTER DATABASE {DATABASE} RESET ALL"])
        bend_the_pool(careless)
        found.append(verdicts(await runner.run_all(careless)))
        assert not Path(marker).exists()
    assert found == [before, before]


async def test_a_pooler_that_allows_no_transaction_is_refused_and_named(
    runner: CheckRunner, least: Endpoint, start: Start
) -> None:
    outcomes = await runner.run_all(behind(least, start("statement", "")))
    reported = {(str(one.outcome), str(one.kind)) for one in outcomes.values()}
    assert reported == {("error", "session")}
    assert {"pooler" in one.reason for one in outcomes.values()} == {True}


async def test_a_pooler_that_ignores_the_first_settings_changes_nothing(
    runner: CheckRunner, postgresql: Running, least: Endpoint, start: Start
) -> None:
    before = verdicts(await runner.run_all(least))
    pooler = start("transaction", "ignore_startup_parameters = options")
    assert verdicts(await runner.run_all(behind(least, pooler))) == before
    admin = endpoint(postgresql, Family.POSTGRESQL)
    outcomes = await runner.run_all(behind(admin, pooler))
    assert {str(one.kind) for one in outcomes.values()} == {"auth"}  # it does not know that user
