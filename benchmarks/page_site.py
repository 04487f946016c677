"""The page of a coordinator over a store that is there, in a process of its own.

Run: python -m benchmarks.page_site PLACE PORT
PLACE is the state folder of a SQLite store, or the URL of a PostgreSQL store.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.local.servers.process import accepts, free_port
from stt_coordinator.packs.library import Library
from stt_coordinator.store.port import Store
from stt_coordinator.store.postgresql.store import open_store as open_postgresql
from stt_coordinator.store.sqlite.store import open_store as open_sqlite
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.readiness import Part
from stt_coordinator.tasks.scheduler import Scheduler
from stt_coordinator.tasks.wakeups import Wakeups
from stt_coordinator.web.serve import Front, bound, serve
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol import subjects
from stt_shared.telemetry import logs
from tests.support.coordinator.scheduling import agreed_now

PATIENCE_S = 60.0
POLL_S = 0.05


async def ready() -> tuple[Part, ...]:
    return ()


async def opened(place: str) -> Store:
    """The store at `place`: a folder, or the URL of a PostgreSQL."""
    if place.startswith("postgresql://"):
        return await open_postgresql(place)
    return await open_sqlite(Path(place))


async def page(place: str, port: int) -> None:
    """Serve until the process is ended: no part of the coordinator runs beside the page."""
    bus, store, wakeups = MemoryBroker().connect(), await opened(place), Wakeups()
    await bus.ensure(subjects.STREAMS, [])
    control_state, library = ControlStateWriter(bus, store), Library(builtin)
    await control_state.refresh()
    await library.begin()
    scheduler = Scheduler(
        bus=bus,
        store=store,
        control_state=control_state,
        library=library,
        wakeups=wakeups,
        timing=Timing(),
        agreed_now=agreed_now,
    )
    context = HandlerContext(
        store=store,
        control_state=control_state,
        library=library,
        scheduler=scheduler,
        wakeups=wakeups,
        degraded=lambda: (),
        ready=ready,
    )
    listen = f"127.0.0.1:{port}"
    await serve(context, bound(listen), Front(listen=listen))


def is_there(port: int) -> bool:
    try:
        accepts(port)
    except OSError:
        return False
    return True


@contextmanager
def serving(place: str) -> Generator[int]:
    """The port of the page of the store at `place`."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.page_site", place, str(port)]
    process = subprocess.Popen(command)
    try:
        deadline = clock.monotonic() + PATIENCE_S
        while not is_there(port):
            if process.poll() is not None or clock.monotonic() > deadline:
                raise SystemExit("the page did not come up")
            time.sleep(POLL_S)
        yield port
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    logs.configure("error", "json")
    asyncio.run(page(sys.argv[1], int(sys.argv[2])))
