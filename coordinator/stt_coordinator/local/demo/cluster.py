"""The cluster of the demo: its parts, and that the numbers stand when some of them are killed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.local.demo import screen
from stt_coordinator.local.installation import Installation
from stt_coordinator.local.servers import nats, postgresql
from stt_coordinator.local.servers.process import HOST, Running, free_port
from stt_coordinator.local.wait import wait_for
from stt_shared import clock
from stt_shared.command import progress
from stt_shared.command.control import Control, follow, report
from stt_shared.errors import EXIT_INCOMPLETE, SttError
from stt_shared.protocol.control import (
    Empty,
    RunReply,
    RunRequest,
    StatusReply,
    Verb,
)
from stt_shared.report.model import Report

BROKERS = ("nats-1", "nats-2", "nats-3")
COORDINATORS = ("coordinator-1", "coordinator-2")
WORKERS = ("worker-1", "worker-2")
KILLED = BROKERS[0]
BY = "demo"

Start = Callable[[str, Callable[[], Running]], Awaitable[Running]]


class NumbersChangedError(SttError):
    """A run under which processes were killed reports something else than the one before."""

    exit_code = EXIT_INCOMPLETE


@dataclass(slots=True, kw_only=True)
class Cluster:
    """Three nats-servers, a PostgreSQL for the store, and the coordinators that share it."""

    folder: Path
    installation: Installation
    begin: Start  # starts a process and says so
    brokers: dict[str, Running] = field(default_factory=dict[str, Running])
    coordinators: dict[str, Running] = field(default_factory=dict[str, Running])
    store: str = ""

    @property
    def url(self) -> str:
        """The addresses of all nats-servers."""
        return ",".join(one.url for one in self.brokers.values())

    async def start(self) -> None:
        """Start NATS and the server of the store."""
        routes = {name: free_port() for name in BROKERS}
        for name in BROKERS:
            start = partial(nats.start, self.folder / name, extra=nats.member(name, routes))
            self.brokers[name] = await self.begin(f"nats-server {name}, one of three", start)
        # What is confirmed must be on the disk, as in an installation that matters.
        start = partial(postgresql.start, self.folder / "store", extra=("-c", "fsync=on"))
        server = await self.begin("PostgreSQL for the store of the coordinators", start)
        self.store = f"postgresql://{server.user}@{HOST}:{server.port}/postgres"

    async def survive(self, control: Control, before: Report, *, again: bool) -> Report:
        """Kill a coordinator and a nats-server under a run; its report, the same as `before`.

        With `again` both are started again. Raises NumbersChangedError, and UnreachableError if no
        other coordinator takes over.
        """
        first = (await control.ask(Verb.STATUS, Empty(), StatusReply)).coordinator
        if first is None or first.name not in self.coordinators:
            raise SttError("the status does not name the coordinator that acts")
        run = (await control.ask(Verb.RUN, RunRequest(by=BY), RunReply)).run
        killed = {
            f"{first.name}, the coordinator that acts": self.coordinators[first.name],
            f"{KILLED}, one of three nats-servers": self.brokers[KILLED],
        }
        since = clock.monotonic()
        for what, running in killed.items():
            await self.installation.kill(running)
            screen.killed(what)
        screen.awaiting(Timing().lease_ttl_s)
        status = await wait_for(control, acts_after(first.epoch), "no coordinator took over")
        second = status.coordinator.name if status.coordinator else ""
        screen.started(f"{second} acts", clock.monotonic() - since)
        with progress.of_run("checking") as show:
            run = await follow(control, run, show)
        found = await report(control, run.run_id)
        screen.started(f"that run finished, {screen.checked(found)}", clock.monotonic() - since)
        if numbers(found) != numbers(before) or run.unanswered:
            raise NumbersChangedError("the numbers changed although nothing else did")
        screen.the_same(before, found, run)
        if again:
            for what, running in killed.items():
                await self.begin(f"{what.split(',')[0]} again", running.start)
        return found


def acts_after(epoch: int) -> Callable[[StatusReply], bool]:
    """A condition: a coordinator acts in a later epoch."""
    return lambda status: status.coordinator is not None and status.coordinator.epoch > epoch


def numbers(found: Report) -> Mapping[tuple[str, str], tuple[str, frozenset[str]]]:
    """How each check ended on each database, with the ids of its findings."""
    return {
        (one.target, one.check): (one.outcome, frozenset(each.id for each in one.findings))
        for one in found.results
    }
