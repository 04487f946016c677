"""`stt standalone`: all of STT on one machine, with its own NATS and persistent data."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stt_coordinator.local.installation import Installation, run_script, start_service
from stt_coordinator.local.servers import nats
from stt_coordinator.local.servers.process import HOST, STOP_S, Running
from stt_coordinator.local.wait import answers, control_of, has_worker, wait_for
from stt_shared import clock, lifecycle, settings
from stt_shared.command import output
from stt_shared.errors import ConfigError
from stt_shared.report import readable
from stt_shared.report.views.status import switch_sentence
from stt_shared.settings import Settings

DEFAULT_PORT = 4222
CREDENTIALS = ("creds", "user", "password", "ca", "cert", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`targets` is a worker's configuration file; `state` is where all data is kept."""

    targets: Path
    state: Path
    port: int = DEFAULT_PORT


@dataclass(slots=True, kw_only=True)
class Standalone:
    """A local installation with persistent data."""

    options: Options
    found: Settings
    stop: asyncio.Event
    installation: Installation = field(default_factory=Installation)
    worker: Running | None = None

    async def serve(self) -> None:
        """Start everything, print the control state, and serve until `stop` is set."""
        options, grace = self.options, self.found.worker.grace_s
        begin = partial(nats.start, options.state / "nats", port=options.port, temporary=False)
        broker = await self.installation.start(begin)
        # Credentials for another NATS in the settings would be sent to ours, which rejects them.
        environment = dict.fromkeys((f"STT_NATS_{name.upper()}" for name in CREDENTIALS), "")
        environment |= {
            "STT_NATS_URL": broker.url,
            "STT_COORDINATOR_STATE_DIR": str(options.state / "coordinator"),
            # All data stay in the folder, whatever else uses these settings.
            "STT_COORDINATOR_STORE": "",
            "STT_COORDINATOR_STORE_PASSWORD": "",
            "STT_WORKER_STATE_DIR": str(options.state / "worker"),
        }
        config = ["--config", str(options.targets)]
        start = partial(start_service, environment=environment, aloud=True)
        await self.installation.start(
            partial(start, ["coordinator", *config], options.state / "coordinator")
        )
        async with control_of(broker.url) as control:
            await wait_for(control, answers, "no coordinator answered")
            begin = partial(
                start, ["worker", *config], options.state / "worker", stop_s=grace + STOP_S
            )
            self.worker = await self.installation.start(begin)
            status = await wait_for(control, has_worker, "no worker announced itself")
        targets = readable.number(status.summary.counts.targets, "database")
        sentence = switch_sentence(status.state, clock.now())
        output.note(f"Ready on {broker.url}: {targets}. {sentence}")
        if not status.state.enabled:
            output.hint(['stt enable --reason "..."', "stt run --wait"])
        await self.stop.wait()

    def reload(self) -> None:
        """Have the worker read its targets again."""
        if self.worker is not None and self.worker.pid:
            os.kill(self.worker.pid, signal.SIGHUP)


@contextmanager
def alone(state: Path) -> Generator[None]:
    """Lock the folder `state`; raises ConfigError if another process holds the lock."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (state / "lock").open("a")
    except OSError as error:
        raise ConfigError(
            f"cannot use the state folder {state} ({(error.strerror or '').lower()})",
            hint="name another: --state-dir",
        ) from error
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"another stt standalone keeps its data in {state}",
                hint="stop it, or choose another folder: --state-dir",
            ) from error
        yield


def free(port: int) -> None:
    """Raise ConfigError if NATS could not listen on `port`."""
    with socket.socket() as probe:
        # As nats-server does: connections that are just ending do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigError(
                f"NATS cannot listen on {HOST}:{port} ({(error.strerror or '').lower()})",
                hint="stop what listens there, or choose another port: --port",
            ) from error


def default_state() -> Path:
    """The XDG state folder, or the one that systemd gives."""
    return settings.state_dir("", "standalone", os.environ)


async def run(options: Options, found: Settings) -> None:
    """Serve until a signal comes, then end in order; raises EndedError if a process ends."""
    stop = asyncio.Event()
    standalone = Standalone(options=options, found=found, stop=stop)
    loop = asyncio.get_running_loop()
    with alone(options.state), lifecycle.stop_on_signals(stop):
        free(options.port)
        loop.add_signal_handler(signal.SIGHUP, standalone.reload)
        try:
            await run_script(standalone.installation, standalone.serve, stop)
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
