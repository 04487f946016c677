"""The table of tasks in docs/operating.md says which ones wait while the clocks disagree."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.tasks.guards.clock_guard import ClockGuard
from stt_coordinator.tasks.wakeups import repeat
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import ControlState
from tests.support.coordinator.coordination import QUICK, catalogue

PAGE = Path(__file__).parents[3] / "docs" / "operating.md"
ROW = re.compile(r"^\| ((?:`[a-z]+`(?:, )?)+) \| (waits|continues?) \|", re.MULTILINE)


def documented() -> dict[str, bool]:
    """Whether each task of the table waits."""
    return {
        name: how == "waits"
        for names, how in ROW.findall(PAGE.read_text(encoding="utf-8"))
        for name in re.findall("[a-z]+", names)
    }


async def test_each_task_waits_for_the_clocks_or_goes_on_as_the_page_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def disagree(_guard: ClockGuard) -> datetime | None:
        asked.append("clock")
        return None

    monkeypatch.setattr(ClockGuard, "now", disagree)
    monkeypatch.setattr(ClockGuard, "mark", disagree)
    bus = MemoryBroker().connect()
    await bus.ensure(subjects.STREAMS, [])
    # Enabled for days: the run after enabling, and slots, are due.
    state = ControlState(enabled=True, since=clock.now() - timedelta(days=3))
    subject = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
    await bus.publish([Outgoing(subject=subject, data=codec.encode(state))])
    tasks = Coordinator(
        CoordinatorDependencies(bus=bus, store=MemoryStore(), checks=catalogue, timing=QUICK)
    ).tasks()
    waits: dict[str, bool] = {}
    for name, task in tasks.items():
        asked.clear()
        if isinstance(task, partial) and task.func is repeat:
            await task.args[0]()
        waits[name] = bool(asked)
    assert waits == documented()
