"""Pauses of the connection and requests of its consumer while NATS is away."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from stt_shared.bus.jetstream import link as links
from stt_shared.bus.jetstream.consumer import PullInbox
from stt_shared.bus.jetstream.link import Link
from stt_shared.bus.jetstream.options import NatsOptions
from stt_shared.errors import UnreachableError


async def test_pauses_between_replacements_of_a_client_grow_and_begin_anew_after_a_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = Link(NatsOptions())
    health = iter([False, False, False, False, True, False, False])
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def healthy() -> bool:
        found = next(health, None)
        if found is None:
            raise asyncio.CancelledError
        return found

    async def rebuild() -> None:
        raise UnreachableError("no server")

    monkeypatch.setattr(links, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(links, "random", SimpleNamespace(uniform=lambda _least, _most: 1.0))
    monkeypatch.setattr(link, "_healthy", healthy)
    monkeypatch.setattr(link, "_rebuild", rebuild)
    with pytest.raises(asyncio.CancelledError):
        await link._watch()
    assert slept == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 1.0, 2.0]


async def test_a_request_that_ended_while_it_was_sent_does_not_end_the_pump() -> None:
    link: Any = SimpleNamespace(options=NatsOptions(), generation=1)
    inbox = PullInbox(link, link, stream="S", consumer="c", capacity=8)
    sent: list[str] = []

    async def publish(subject: str, _data: bytes, *, reply: str) -> None:
        sent.append(subject)
        # Its status comes before the client finds that the connection is gone.
        inbox._requests.pop(reply.rpartition(".")[2])
        raise UnreachableError("not connected")

    link.publish = publish
    await inbox._ask_for_more()
    assert sent == ["$JS.API.CONSUMER.MSG.NEXT.S.c"]
    assert inbox._requests == {}
