"""The server that other tests share has no database of these tests afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.coordinator.postgresql_stores import drop


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(postgresql: Running) -> Iterator[None]:
    yield
    drop(postgresql)
