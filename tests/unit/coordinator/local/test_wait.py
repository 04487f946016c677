"""A run that was promised is waited for: the scheduler records it after the reply of `enable`."""

from __future__ import annotations

import pytest

from stt_coordinator.local import wait
from stt_shared.bus.memory import MemoryBroker
from stt_shared.command.control import Control, RefusedError
from stt_shared.protocol.records import RunRecord
from tests.support.coordinator.store_rows import run

CONTROL = Control(bus=MemoryBroker().connect(), url="", timeout=1.0)


async def test_a_run_that_is_not_recorded_yet_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: list[RunRecord | None] = [None, None, run()]

    async def find(_control: Control, run_id: str) -> RunRecord:
        found = answers.pop(0)
        if found is None:
            raise RefusedError("unknown_run", f"unknown run {run_id!r}")
        return found

    monkeypatch.setattr(wait, "find_run", find)
    monkeypatch.setattr(wait, "POLL_S", 0.0)
    assert await wait.begun(CONTROL, "r1") == run()


async def test_a_run_that_is_never_recorded_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def find(_control: Control, run_id: str) -> RunRecord:
        raise RefusedError("unknown_run", f"unknown run {run_id!r}")

    monkeypatch.setattr(wait, "find_run", find)
    monkeypatch.setattr(wait, "TIMEOUT_S", 0.0)
    with pytest.raises(RefusedError, match="unknown run 'r1'"):
        await wait.begun(CONTROL, "r1")
