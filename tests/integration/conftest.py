"""What the tests of a coordinator on a real NATS ask for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from tests.servers import nats_versions


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncGenerator[Running]:
    server = embedded_nats.start(tmp_path / "nats", binary=nats_versions.chosen())
    yield server
    await asyncio.to_thread(server.stop)
