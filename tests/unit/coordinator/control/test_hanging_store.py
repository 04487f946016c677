"""A store that does not answer makes a request for the status end with an error, in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from stt_coordinator.control.handler_context import ErrorCode
from stt_coordinator.control.queries import status
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger
from stt_shared.bus.values import RequestError
from stt_shared.protocol.control import Empty, StatusReply, Verb
from tests.support.coordinator.control_site import running_coordinator
from tests.support.coordinator.coordination import ask


async def never(_store: MemoryStore, _work: Callable[[Ledger], object]) -> object:
    return await asyncio.Event().wait()


async def test_a_status_ends_with_an_error_while_the_store_hangs_and_works_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running_coordinator() as coordinator:
        with monkeypatch.context() as hanging:
            hanging.setattr(status, "STORE_S", 0.05)
            hanging.setattr(MemoryStore, "read", never)
            with pytest.raises(RequestError, match=r"not answered for 0\.05 s") as why:
                await ask(coordinator.bus, Verb.STATUS, Empty(), StatusReply)
        assert why.value.code == ErrorCode.UNAVAILABLE
        assert (await ask(coordinator.bus, Verb.STATUS, Empty(), StatusReply)).families
