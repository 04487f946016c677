"""One runner of checks for all tests of the library: its sandbox keeps nothing of a script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.checks.real import CheckRunner, open_check_runner

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests in the event loop of the runner, whose sandbox takes long to start."""
    mark = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if not pytest_asyncio.is_async_test(item) or not item.path.is_relative_to(HERE):
            continue
        if "runner" in item.fixturenames:
            item.add_marker(mark, append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def runner() -> AsyncIterator[CheckRunner]:
    async with open_check_runner() as one:
        yield one
