"""Code of a tenant's, on whatever path, neither runs with our rights nor decides a verdict."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint
from tests.hostile.postgresql.postgresql_tenant import (
    DATABASE,
    LEAST,
    RAN,
    do,
    in_pg_catalog,
    least_account,
    session,
    shadowed,
)
from tests.hostile.session_settings import verdicts
from tests.support.checks.real import CheckRunner, endpoint, open_check_runner

PATHS = {
    "of the database": f"ALTER DATABASE {DATABASE} SET search_path = s, pg_catalog",
    "of the role": "ALTER ROLE {role} SET search_path = s, pg_catalog",
    "of both": "ALTER ROLE {role} IN DATABASE " + DATABASE + " SET search_path = s, pg_catalog",
    "with public": f"ALTER DATABASE {DATABASE} SET search_path = public, pg_catalog",
    "as it is by default": "SELECT 1",
}


@dataclass(frozen=True, kw_only=True)
class Trap:
    """A server with a database full of a tenant's code, and the file that it touches."""

    server: Running
    marker: Path
    accounts: tuple[Endpoint, ...]


@pytest.fixture(scope="module", params=["postgresql", "postgresql15"])
def trap(request: pytest.FixtureRequest) -> Iterator[Trap]:
    server: Running = request.getfixturevalue(request.param)
    with ExitStack() as stack:
        marker = stack.enter_context(shadowed(server))
        least = stack.enter_context(least_account(server))
        accounts = (endpoint(server, Family.POSTGRESQL), least)
        yield Trap(server=server, marker=Path(marker), accounts=accounts)


@pytest.fixture
async def runner() -> AsyncIterator[CheckRunner]:
    async with open_check_runner() as one:
        yield one


def test_every_function_of_our_statements_is_named_with_its_schema(trap: Trap) -> None:
    with session(trap.server, "postgres") as admin:
        known = {str(row[0]) for row in admin.execute("SELECT proname FROM pg_catalog.pg_proc")}
    for check in builtin().of(Family.POSTGRESQL):
        for query in check.queries:
            named = set(re.findall(r"(?<![\w.])([a-z]\w*)\s*\(", query.text))
            assert named & known == set(), check.name


def test_without_the_pin_the_attack_works(trap: Trap) -> None:
    do(trap.server, [PATHS["of the database"]])
    words = f"host={trap.server.host} port={trap.server.port} dbname={DATABASE}"
    try:
        with (
            psycopg.connect(words, user=trap.server.user, password=trap.server.password) as victim,
            pytest.raises(psycopg.Error, match=RAN),
        ):
            victim.execute("SELECT 1 FROM pg_catalog.pg_settings WHERE name = 'ssl'")
        assert trap.marker.exists()
    finally:
        do(trap.server, [f"ALTER DATABASE {DATABASE} RESET ALL"])
        trap.marker.unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["postgresql", "postgresql15"])
async def test_a_tenant_in_pg_catalog_itself_is_refused_before_its_code_runs(
    runner: CheckRunner, request: pytest.FixtureRequest, name: str
) -> None:
    server: Running = request.getfixturevalue(name)
    admin = endpoint(server, Family.POSTGRESQL)
    with in_pg_catalog(server) as marker:
        outcomes = await runner.run_all(replace(admin, database=DATABASE))
        elsewhere = await runner.run_all(admin)
        assert not Path(marker).exists()
    assert {str(one.kind) for one in outcomes.values()} == {"session"}
    assert {"pg_catalog" in one.reason for one in outcomes.values()} == {True}
    left_out = elsewhere["postgresql_untrusted_languages"].parts_not_checked
    assert {(one.name, str(one.kind)) for one in left_out} >= {(DATABASE, "session")}


@pytest.mark.parametrize("path", list(PATHS))
@pytest.mark.parametrize("database", ["postgres", DATABASE])
async def test_no_path_lets_a_tenant_s_code_run_or_decide(
    runner: CheckRunner, trap: Trap, path: str, database: str
) -> None:
    for account in trap.accounts:
        where = replace(account, database=database)
        before = verdicts(await runner.run_all(where))
        do(trap.server, [PATHS[path].format(role=account.user)])
        try:
            after = await runner.run_all(where)
        finally:
            do(trap.server, [f"ALTER DATABASE {DATABASE} RESET ALL"])
            for role in (trap.server.user, LEAST):
                do(trap.server, [f"ALTER ROLE {role} RESET search_path"])
                do(trap.server, [f"ALTER ROLE {role} IN DATABASE {DATABASE} RESET ALL"])
        reasons = [one.reason for one in after.values() if RAN in one.reason]
        assert (reasons, trap.marker.exists()) == ([], False)
        assert verdicts(after) == before
