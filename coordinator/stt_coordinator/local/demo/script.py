"""The demo script: start everything, enable, follow one run, show its report, end."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stt_coordinator.local.demo import databases, screen
from stt_coordinator.local.demo.cluster import COORDINATORS, WORKERS, Cluster
from stt_coordinator.local.installation import (
    Installation,
    clean_environment,
    run_script,
    start_service,
    stop_at_hang_up,
)
from stt_coordinator.local.servers import nats
from stt_coordinator.local.servers.process import HOST, Running, free_port
from stt_coordinator.local.wait import answers, begun, control_of, knows, wait_for
from stt_shared import clock
from stt_shared.command import output, progress, reporting
from stt_shared.command.control import Control, follow, report
from stt_shared.command.gate import EXIT_OK, FailOn
from stt_shared.errors import SttError
from stt_shared.protocol.control import (
    SwitchReply,
    SwitchRequest,
    TargetsReply,
    TargetsRequest,
    Verb,
)
from stt_shared.protocol.enums import Family
from stt_shared.report.formats.names import Export, ReportFormat
from stt_shared.report.model import Report

NAME = "demo"
SECRET = "the-secret-of-the-demo"  # noqa: S105  # known to everybody; signs what goes to the webhook
GRACE_S = 3  # a demo that ends has no job that is worth waiting for


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`once` ends after one run with the exit code of its report; else the demo stays up."""

    once: bool = False
    form: ReportFormat = ReportFormat.TABLE
    exports: tuple[Export, ...] = ()
    fail_on: FailOn = FailOn.CRITICAL
    allow_incomplete: bool = False
    webhook: str = ""  # where changes are posted to, if anywhere
    cluster: bool = False  # three nats-servers and two coordinators; one each is killed


@dataclass(slots=True, kw_only=True)
class Demo:
    """One demo in `folder`; `code` is its exit code once its report is there."""

    options: Options
    folder: Path
    stop: asyncio.Event
    installation: Installation = field(default_factory=Installation)
    servers: dict[Family, Running] = field(default_factory=dict[Family, Running])
    page: str = field(default_factory=lambda: f"{HOST}:{free_port()}")
    code: int | None = None
    cluster: Cluster | None = None

    async def play(self) -> None:
        """Everything up to the report; returns when the demo is to stay up or sets `stop`."""
        screen.opening(self.folder)
        if self.options.cluster:
            url = await self._start_cluster()
        else:
            broker = await self._start("nats-server", partial(nats.start, self.folder / "nats"))
            url = broker.url
            await self._start("coordinator", self._service("coordinator", ["coordinator"], url))
        password = secrets.token_urlsafe()
        for family, begin in databases.STARTS.items():
            what = f"{databases.NAMES[family]}, insecure on purpose"
            start = partial(begin, self.folder / family, password)
            try:
                self.servers[family] = await self._start(what, start)
            except SttError as error:
                if family is Family.POSTGRESQL:
                    raise
                screen.left_out(family, error)
        async with control_of(url) as control:
            await wait_for(control, answers, "no coordinator answered")
            words = ["worker", "--config", self._targets(password)]
            for name in WORKERS if self.cluster else ("worker",):
                await self._start(name, self._service(name, words, url))
            await wait_for(
                control, knows(len(self.servers)), "the worker announced too few targets"
            )
            found = await self._checked(control)
            if self.cluster is not None:
                again = not self.options.once
                found = await self.cluster.survive(control, found, again=again)
        self._show(found, url)

    async def _start_cluster(self) -> str:
        """Start NATS, the store, and the coordinators; the addresses of NATS."""
        cluster = Cluster(folder=self.folder, installation=self.installation, begin=self._start)
        await cluster.start()
        self.cluster = cluster
        for name in COORDINATORS:
            # The last one has the page that is shown: it is there after the kills.
            self.page = f"{HOST}:{free_port()}"
            service = self._service(name, ["coordinator"], cluster.url)
            cluster.coordinators[name] = await self._start(name, service)
            async with control_of(cluster.url) as control:
                await wait_for(control, answers, "no coordinator answered")
        return cluster.url

    async def _start(self, what: str, begin: Callable[[], Running]) -> Running:
        since = clock.monotonic()
        running = await self.installation.start(begin)
        screen.started(what, clock.monotonic() - since)
        return running

    def _environment(self, name: str, url: str) -> dict[str, str | None]:
        alerts = {
            "STT_ALERTS_WEBHOOK": self.options.webhook,
            "STT_ALERTS_WEBHOOK_SECRET": SECRET,
            "STT_ALERTS_PAGE_URL": f"http://{self.page}",
        }
        wanted = {
            "STT_NATS_URL": url,
            "STT_COORDINATOR_STATE_DIR": str(self.folder / name),
            "STT_WORKER_STATE_DIR": str(self.folder / name),
            "STT_WORKER_NAME": name if self.cluster else NAME,
            "STT_WORKER_SITE": NAME,
            "STT_WORKER_GRACE_S": str(GRACE_S),
            "STT_WEB_LISTEN": self.page,
            **(alerts if self.options.webhook else {}),
            **({"STT_COORDINATOR_NAME": name} if self.cluster else {}),
            **({"STT_COORDINATOR_STORE": self.cluster.store} if self.cluster else {}),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
        }
        return clean_environment(os.environ, wanted)

    def _service(self, name: str, words: list[str], url: str) -> Callable[[], Running]:
        return partial(start_service, words, self.folder / name, self._environment(name, url))

    def _targets(self, password: str) -> str:
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="utf-8")
        config = self.folder / "targets.toml"
        config.write_text(databases.targets_toml(self.servers, secret), encoding="utf-8")
        return str(config)

    async def _checked(self, control: Control) -> Report:
        since = clock.monotonic()
        request = SwitchRequest(by=NAME, reason="stt demo")
        switched = await control.ask(Verb.ENABLE, request, SwitchReply)
        run = await begun(control, switched.run_id)
        with progress.of_run("checking") as show:
            await follow(control, run, show)
        found = await report(control, run.run_id)
        screen.started(f"enabled, {screen.checked(found)}", clock.monotonic() - since)
        screen.versions((await control.ask(Verb.TARGETS, TargetsRequest(), TargetsReply)).targets)
        return found

    def _show(self, found: Report, url: str) -> None:
        options = self.options
        tables = options.once or not output.on_terminal()
        if not tables and options.form is ReportFormat.TABLE:
            screen.result(found)
        reporting.deliver(found, options.form, options.exports, tables=tables)
        if not options.once:
            self.code = EXIT_OK
            screen.next_steps(url, self.page, found, self.servers)
            return
        self.code = reporting.finish(
            found, options.form, options.fail_on, allow_incomplete=options.allow_incomplete
        )
        self.stop.set()


@contextmanager
def temporary_folder() -> Generator[Path]:
    """A folder that servers running as other users may pass through; it goes at the end."""
    folder = Path(tempfile.mkdtemp(prefix="stt-demo-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def run(options: Options) -> int:
    """Play the demo to its end; returns the exit code.

    Raises EndedError if one of its processes ends by itself, KeyboardInterrupt if a signal comes
    before there is a report.
    """
    stop = asyncio.Event()
    with stop_at_hang_up(stop), temporary_folder() as folder:
        demo = Demo(options=options, folder=folder, stop=stop)
        await run_script(demo.installation, demo.play, stop)
    if demo.code is None:
        raise KeyboardInterrupt
    if not options.once:
        screen.ended()
    return demo.code
