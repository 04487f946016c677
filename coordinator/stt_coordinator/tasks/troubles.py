"""What tasks cannot do at the moment, by task; shown in the status until a step succeeds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stt_coordinator.domain.leader_report import LeaderReport
from stt_coordinator.store.port import Store, StoreError
from stt_shared.errors import ProtocolError, SttError, UnreachableError

# What a later attempt may mend: NATS or the store does not answer, or a newer version wrote there.
RETRYABLE = (UnreachableError, StoreError, ProtocolError)


def format_error(error: SttError) -> str:
    """An error and its hint in one line."""
    return f"{error.message}: {error.hint}" if error.hint else error.message


class Troubles:
    """One sentence for each task that is being tried again."""

    def __init__(self) -> None:
        self._by_task: dict[str, str] = {}

    def report(self, task: str, sentence: str) -> None:
        """Show `sentence` for `task` in place of what it reported before."""
        self._by_task[task] = sentence

    def resolve(self, task: str) -> None:
        """Show nothing for `task` any more."""
        self._by_task.pop(task, None)

    def has(self, task: str) -> bool:
        """Whether `task` has reported a trouble that is not resolved."""
        return task in self._by_task

    def sentences(self) -> tuple[str, ...]:
        """All of them, each once, in the order in which they came."""
        return tuple(dict.fromkeys(self._by_task.values()))


class ReportKeeper:
    """Keeps in the store what the leader alone knows, so that the other coordinators show it."""

    def __init__(self, store: Store, report: Callable[[], LeaderReport]) -> None:
        self._store = store
        self._report = report
        self._kept: LeaderReport | None = None

    async def keep(self) -> None:
        """Write what has changed since the last call; raises StoreError."""
        found = self._report()
        if found == self._kept:
            return
        await self._store.transact(lambda ledger: ledger.fleet.put_leader_report(found))
        self._kept = found


async def until_written(store: Store, troubles: Troubles, task: str, pause_s: float) -> None:
    """Return once the store can be written from here; until then `troubles` has why not."""
    while True:
        try:
            await store.probe_write()
            await store.transact_beside(lambda _: None)
        except StoreError as error:
            troubles.report(task, format_error(error))
            await asyncio.sleep(pause_s)
        else:
            troubles.resolve(task)
            return
