"""The states that Home can be in: stores seeded into each, and the page served over one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.local.servers.process import free_port
from stt_coordinator.packs.fetcher import PackFetcher
from stt_coordinator.packs.library import Library
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.sqlite.store import open_store
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.readiness import Part
from stt_coordinator.tasks.scheduler import Scheduler
from stt_coordinator.tasks.wakeups import Wakeups
from stt_coordinator.web.serve import Front, bound, serve
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.port import Bus
from stt_shared.checkfile.catalogue import builtin
from stt_shared.identity import finding_id
from stt_shared.protocol import subjects
from tests.support.browser.seed import FAILED, Seed, State
from tests.support.coordinator.coordination import until
from tests.support.coordinator.scheduling import agreed_now

FetcherOf = Callable[[Bus], PackFetcher]


# The words are those of Home; only one state shows the numbers in green.
STATES: dict[str, State] = {
    "never": State(
        words=("Checks have never been enabled.", "which checks would run", "enable them"),
        badge="checks are off",
        enabled=None,
        ran=None,
        fails=False,
    ),
    "empty": State(
        words=("No databases yet", "stt worker --config worker.toml", "stt demo"),
        badge="no databases yet",
        targets=0,
        ran=None,
        fails=False,
    ),
    "first": State(
        words=(
            "The first run since checks were enabled is in progress: 2 of 6 databases",
            "2 min",
            "so far",
        ),
        badge="first run in progress",
        ran=timedelta(minutes=2),
        answered=2,
        is_going_on=True,
        fails=False,
    ),
    "clear": State(
        words=("0 failed, 6 of 6 databases checked,",),
        badge="◆ 0  ▲ 0  ● 0  ? 0",
        fails=False,
    ),
    "partial": State(
        words=("No check failed, but not everything was checked: 5 of 6 databases",),
        badge="◆ 0  ▲ 0  ● 0  ? ",
        answered=5,
        fails=False,
    ),
    "findings": State(
        words=("-1 since yesterday", "New since yesterday", "Fix these first", "6 of 6 databases"),
        badge="◆ 2  ▲ 2  ● 1  ? 0",
    ),
    "overdue": State(
        words=(
            "A run is overdue.",
            "6 of 6 databases were last checked",
            "as of",
            "worker missing",
        ),
        badge="a run is overdue",
        ran=timedelta(hours=31),
        down="us-east",
    ),
    "off": State(
        words=("Checks are off since", "by ann: “migration, CHG-4411”", "from the last run"),
        badge="checks are off",
        enabled=False,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a state is served, and names that addresses can be made of."""

    url: str
    run: str
    finding: str
    store: Store
    loop: asyncio.AbstractEventLoop

    def write(self, work: Callable[[Ledger], None]) -> None:
        """Change what is there, from the thread of the test."""
        asyncio.run_coroutine_threadsafe(self.store.transact(work), self.loop).result()


@asynccontextmanager
async def serving(
    folder: Path, state: State, fetcher: FetcherOf | None = None
) -> AsyncGenerator[Site]:
    """The page over a store in that state; no part of the coordinator works beside it."""
    store = await open_store(folder)
    seed = Seed(state=state, now=clock.now())
    await store.transact(seed.write)
    context, port = await _context(store, fetcher), free_port()
    listen = f"127.0.0.1:{port}"
    task = asyncio.create_task(serve(context, bound(listen), Front(listen=listen)))
    target, check, _, summary = FAILED[0]
    try:
        await until(partial(_answers, port))
        yield Site(
            url=f"http://{listen}",
            run=seed.run,
            finding=finding_id(target, check, summary),
            store=store,
            loop=asyncio.get_running_loop(),
        )
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await store.close()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _context(store: Store, fetcher: FetcherOf | None) -> HandlerContext:
    bus, wakeups = MemoryBroker().connect(), Wakeups()
    await bus.ensure(subjects.STREAMS, [])
    control_state, library = (
        ControlStateWriter(bus, store),
        Library(builtin, fetcher(bus) if fetcher else None),
    )
    await control_state.refresh()
    await library.begin()
    checks = library.checks(())
    await store.transact(lambda ledger: ledger.fleet.replace_checks(checks))
    scheduler = Scheduler(
        bus=bus,
        store=store,
        control_state=control_state,
        library=library,
        wakeups=wakeups,
        timing=Timing(),
        agreed_now=agreed_now,
    )
    return HandlerContext(
        store=store,
        control_state=control_state,
        library=library,
        scheduler=scheduler,
        wakeups=wakeups,
        degraded=lambda: (),
        ready=_ready,
    )


async def _ready() -> tuple[Part, ...]:
    return ()
