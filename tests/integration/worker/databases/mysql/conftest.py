"""What the tests of MySQL and MariaDB ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stt_coordinator.local.servers.process import Running
from stt_worker.databases.mysql.driver import MysqlDatabase


@pytest.fixture
async def database() -> AsyncIterator[MysqlDatabase]:
    made = MysqlDatabase(2)
    yield made
    await made.close()


@pytest.fixture
def server(request: pytest.FixtureRequest, name: str) -> Running:
    found: Running = request.getfixturevalue(name)
    return found
