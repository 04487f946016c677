"""The doctor reads the monitoring of a real nats-server, and says why it cannot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stt_cli.doctor.asker import Asker
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import free_port
from stt_shared.bus.memory import MemoryBroker
from tests.servers.fixtures import required


@pytest.fixture(scope="module")
def monitor_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    extra, folder = f'http: "127.0.0.1:{port}"', tmp_path_factory.mktemp("monitored")
    server = required("nats-server", lambda: embedded_nats.start(folder, extra=extra))
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def asker() -> Asker:
    return Asker(MemoryBroker().connect(), 1.0)


async def test_the_settings_of_the_server_are_read_from_its_monitoring_address(
    asker: Asker, monitor_url: str
) -> None:
    varz, why = await asker.varz(f"{monitor_url}/")
    assert why == ""
    assert varz is not None
    assert varz["jetstream"]["config"]["sync_always"] is True


async def test_an_address_that_is_not_the_monitoring_gives_the_reason(
    asker: Asker, monitor_url: str
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    expected = {
        f"{monitor_url}/elsewhere": "answers 404",
        nobody: f"{nobody}/varz cannot be reached (connection refused)",
        "file:///etc": "file:///etc/varz breaks off",
    }
    for url, reason in expected.items():
        varz, why = await asker.varz(url)
        assert varz is None
        assert reason in why
