"""What the tests of MySQL and MariaDB ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from stt_coordinator.local.servers.process import Running
from stt_worker.databases.mysql.driver import MysqlDatabase
from tests.support.checks.real import accounts, mysql_do


@pytest.fixture
async def database() -> AsyncIterator[MysqlDatabase]:
    made = MysqlDatabase(2)
    yield made
    await made.close()


@pytest.fixture
def server(request: pytest.FixtureRequest, name: str) -> Running:
    found: Running = request.getfixturevalue(name)
    return found


@pytest.fixture(scope="module", autouse=True)
def _accounts_go_with_the_file_that_made_them(mysql: Running, mariadb: Running) -> Iterator[None]:
    known = [(server, accounts(server)) for server in (mysql, mariadb)]
    yield
    for server, before in known:
        mysql_do(server, [f"DROP USER {one}" for one in sorted(accounts(server) - before)])
