"""What the servers of a cluster can do is read from their greetings, before anything is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.bus.jetstream.servers import all_are_at_least
from stt_shared.bus.jetstream.streams import BATCH_SERVER
from stt_shared.errors import UnreachableError


def link_to(*urls: str) -> Any:
    """A connection whose client knows these servers."""
    first, *others = map(urlsplit, urls)
    return SimpleNamespace(client=SimpleNamespace(servers=[first], discovered_servers=others))


class NotConnected:
    @property
    def client(self) -> Any:
        raise UnreachableError("not connected")


async def test_only_servers_that_greet_with_a_version_count(nats_server: Running) -> None:
    mute = f"nats://127.0.0.1:{free_port()}"
    assert await all_are_at_least(link_to(nats_server.url), (2, 0))
    assert not await all_are_at_least(link_to(nats_server.url), (999, 0))
    assert not await all_are_at_least(link_to(nats_server.url, mute), (2, 0))
    gone: Any = NotConnected()
    assert not await all_are_at_least(gone, BATCH_SERVER)
