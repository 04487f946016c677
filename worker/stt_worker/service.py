"""The composition root of a worker: opens its parts, runs its tasks, and drains at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from stt_shared import clock
from stt_shared.backoff import connect_with_backoff
from stt_shared.bus.port import Bus
from stt_shared.checkfile.catalogue import builtin
from stt_shared.connection import Progress, connected
from stt_shared.distribution import installed_version
from stt_shared.errors import ConfigError, UnreachableError
from stt_shared.identity import token_of
from stt_shared.lifecycle import Task, supervise
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.minisign import parse_public_key
from stt_shared.pack.trust import Policy
from stt_shared.protocol import subjects
from stt_shared.secret_references.readers import ReadError, in_daemon
from stt_shared.settings import Settings, WorkerSettings, state_dir
from stt_shared.telemetry import notify
from stt_shared.telemetry.logs import bound, logger
from stt_shared.telemetry.tracing import traced
from stt_worker.execution.runtime import CheckRuntime, open_runtime
from stt_worker.jobs.consumer import Consumer
from stt_worker.jobs.control_state import ControlStateReader
from stt_worker.jobs.dependencies import JobDependencies
from stt_worker.jobs.pack_registry import PackRegistry
from stt_worker.jobs.runner import Runner
from stt_worker.outbox.port import Outbox
from stt_worker.outbox.sender import Sender
from stt_worker.outbox.sqlite import open_outbox
from stt_worker.targets.file import TargetList
from stt_worker.targets.model import Inventory
from stt_worker.telemetry.access import AccessWatch
from stt_worker.telemetry.heartbeat import Heartbeat, HeartbeatSender

SUBSCRIBE_AGAIN_S = 10.0  # after nudges could not be heard
RELOAD_TIMEOUT_S = 30.0
SHOWN_FAULTS = 20  # of a rejected configuration
_LOG = logger("worker")

Load = Callable[[], TargetList]


async def run(settings: Settings, load: Load, stop: asyncio.Event) -> None:
    """Serve the targets that `load` reads until `stop` is set, then drain within the grace time.

    SIGHUP calls `load` again; a list with faults changes nothing. NATS may start after the
    worker. Raises ConfigError if the targets, the checks or the outbox cannot be opened.
    """
    own = settings.worker
    async with AsyncExitStack() as stack:
        # Outermost: tasks copy the context they start in, so all log lines name this worker.
        stack.enter_context(bound(worker=name_of(own), site=own.site))
        await stack.enter_async_context(traced("stt-worker", wanted=settings.telemetry.traces))
        # Before anything slow: until there is a handler, SIGHUP ends the process.
        hangup, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, hangup.set)
        stack.callback(loop.remove_signal_handler, signal.SIGHUP)
        inventory = Inventory(_log_warnings(load()).targets)
        runtime = await stack.enter_async_context(open_runtime(builtin(), own.concurrency))
        state = state_dir(own.state_dir, "worker", os.environ)
        # Before NATS: a second worker on this folder has to fail at its start, not at its first
        # result.
        outbox = await open_outbox(state)
        stack.push_async_callback(outbox.close)
        progress = Progress(partial(outbox.pending, limit=1))
        await stack.enter_async_context(notify.supervision(progress))
        serials = Serials(state)
        bus = await connect_with_backoff(
            lambda: connected(settings.nats, f"stt-worker {name_of(own)}"), stop
        )
        if bus is not None:
            stack.push_async_callback(bus.close)
            progress.bus = bus
            pack_registry = PackRegistry(
                bus,
                runtime.catalogue,
                policy_of(settings),
                serials,
                script_faults=runtime.script_faults,
            )
            parts = WorkerDependencies(
                runtime=runtime, outbox=outbox, bus=bus, hangup=hangup, pack_registry=pack_registry
            )
            await serve(own, inventory, load, parts, stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDependencies:
    """The parts of a worker; setting `hangup` reloads the targets."""

    runtime: CheckRuntime
    outbox: Outbox
    bus: Bus
    hangup: asyncio.Event
    pack_registry: PackRegistry | None = None


async def serve(
    own: WorkerSettings,
    inventory: Inventory,
    load: Load,
    parts: WorkerDependencies,
    stop: asyncio.Event,
) -> None:
    """Run a worker on `parts`: take jobs until `stop`, drain, send the last heartbeat."""
    bus, outbox, name = parts.bus, parts.outbox, name_of(own)
    control_state = ControlStateReader(bus)
    sender = Sender(bus=bus, outbox=outbox, worker=name, expected=lambda: runner.expected)
    runner = Runner(
        JobDependencies(
            worker=name,
            site=own.site,
            inventory=inventory,
            outbox=outbox,
            sender=sender,
            control_state=control_state,
            check_dependencies=parts.runtime.dependencies,
            pack_registry=parts.pack_registry,
        )
    )
    consumer = Consumer(
        bus=bus, site=own.site, concurrency=own.concurrency, grace_s=own.grace_s, serve=runner.serve
    )
    access = AccessWatch(bus, site=own.site, worker=name, families=inventory.families)
    content = _heartbeat(own, inventory, parts, consumer, access)
    heartbeat = HeartbeatSender(bus, content)
    access.changed = heartbeat.wake
    drained = asyncio.Event()

    async def consume() -> None:
        await consumer.run(inventory.families, stop)
        drained.set()

    _LOG.info("worker_started", targets=len(inventory), outbox=outbox.size)
    tasks: dict[str, Task] = {
        "consume": consume,
        "send": sender.run,
        "watermark": sender.follow_watermark,
        "heartbeat": heartbeat.run,
        "access": access.run,
        "nudges": partial(_follow_nudges, bus, control_state, heartbeat),
        "reload": partial(_reload, parts.hangup, load, inventory, heartbeat),
    }
    # Until `drained`, not until `stop`: the results of the last jobs are still to be published.
    await supervise(tasks, drained)
    # After the tasks: a heartbeat of theirs would announce this worker again.
    await heartbeat.send(leaving=True)
    _LOG.info("worker_stopped", outbox=outbox.size)


def _heartbeat(
    own: WorkerSettings,
    inventory: Inventory,
    parts: WorkerDependencies,
    consumer: Consumer,
    access: AccessWatch,
) -> Heartbeat:
    """What heartbeats say; the callables are asked anew for each."""
    return Heartbeat(
        worker=name_of(own),
        site=own.site,
        version=installed_version(),
        pack=parts.runtime.catalogue.pack,
        started=clock.now(),
        concurrency=own.concurrency,
        inventory=inventory,
        running=lambda: consumer.running,
        outbox=lambda: parts.outbox.size,
        epoch=lambda: parts.outbox.epoch,
        pack_registry=parts.pack_registry,
        refused=lambda: access.refused,
    )


def policy_of(settings: Settings) -> Policy:
    """The policy for packs: trusted keys, name, and whether unsigned packs are accepted."""
    if settings.worker.allow_unsigned:
        _LOG.warning("unsigned_packs_allowed")
    return Policy(
        keys=tuple(map(parse_public_key, settings.pack.keys)),
        name=settings.pack.name,
        allow_unsigned=settings.worker.allow_unsigned,
    )


def name_of(own: WorkerSettings) -> str:
    """The configured name of the worker, or its host name as a token."""
    return own.name or token_of(socket.gethostname(), "worker")


async def _reload(
    hangup: asyncio.Event, load: Load, inventory: Inventory, heartbeat: HeartbeatSender
) -> None:
    while True:
        await hangup.wait()
        hangup.clear()
        try:
            # In a thread with a limit: a path that blocks (pipe, dead mount) must not stop jobs.
            found = await in_daemon(load, RELOAD_TIMEOUT_S)
            inventory.replace(_log_warnings(found).targets)
        except ConfigError as error:
            shown = list(error.faults[:SHOWN_FAULTS])
            _LOG.error("targets_rejected", reason=error.message, faults=shown)
        except ReadError as error:
            _LOG.error("targets_rejected", reason=f"the configuration: {error}")
        except Exception as error:  # noqa: BLE001  # an edge: no configuration may end the worker
            _LOG.error("targets_rejected", reason=f"internal error {type(error).__name__}")
        else:
            _LOG.info("targets_reloaded", targets=len(inventory))
            heartbeat.wake()


def _log_warnings(found: TargetList) -> TargetList:
    for warning in found.warnings:
        _LOG.warning("targets_suspected", warning=warning)
    return found


async def _follow_nudges(
    bus: Bus, control_state: ControlStateReader, heartbeat: HeartbeatSender
) -> None:
    while True:
        try:
            async with bus.listen(subjects.NUDGE) as heard:
                async for _ in heard:
                    control_state.forget()
                    heartbeat.wake()
        except UnreachableError as error:
            _LOG.debug("nudges_failed", reason=error.message)
        # A pause also after a clean end: a connection that is going down ends each new
        # subscription.
        await asyncio.sleep(SUBSCRIBE_AGAIN_S)
