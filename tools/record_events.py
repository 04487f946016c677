"""Maintainers' command: has every event happen on real servers, and records one of each kind.

`python -m tools.record_events` writes docs/events/recorded.json in half a minute, or a file that is
named, as tests/acceptance/test_recordings.py does; then `python -m tools.pages.events` writes the
page from it. Three events need days to go by: for them the coordinator's clock is set forward.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import nats
from nats.aio.msg import Msg

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers import postgresql
from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from tools.pages.events import KINDS, RECORDED, SUBJECTS, kind_of

STT = Path(sys.executable).with_name("stt")
TIMEOUT_S = 60.0
HELD_DAYS = 10  # of the exception whose end is seen
ENDING_DAYS = 5  # the clock ahead: the end is near, and slots of the standard checks were missed
ENDED_DAYS = 12  # the clock ahead: its last day is over
JUMP = timedelta(hours=25)  # of the coordinator's clock alone, while the file of that name is there
# Days that went by: all three clocks agree on them, or the coordinator holds ticks and ends.
AHEAD = """
import sys
from datetime import timedelta
from pathlib import Path
from stt_shared import clock
from stt_shared.bus.jetstream.adapter import JetStreamBus
from stt_cli.main import main
now, uptime, broker = clock.now, clock.uptime, JetStreamBus.now
passed, jump = timedelta(days={days}), Path({jump!r})
clock.now = lambda: now() + passed + timedelta(hours={hours} * jump.exists())
clock.uptime = lambda: uptime() + passed.total_seconds()
async def broker_now(self, stream):
    at = await broker(self, stream)
    return at and at + passed
JetStreamBus.now = broker_now
sys.exit(main())
"""
CONFIG = """
[worker]
name = "{site}-1"
site = "{site}"

[[targets]]
id = "{target}"
family = "postgresql"
host = "{server.host}"
port = {server.port}
user = "{server.user}"
password = "env:PASSWORD_OF_TARGET"
tls = "off"
labels = {{ team = "orders" }}
"""
BAD = "ALTER ROLE app SUPERUSER"
GOOD = "ALTER ROLE app NOSUPERUSER"
OF_THE_ROLE = b'"check":"postgresql_super_role"'
# Whether rare checks run as the clock goes ahead depends on the day.
OF_ANY_DAY = (b'"schedule":"first"', b'"schedule":"standard"')
ENTRY = """
exceptions:
- id: {id}
  finding: {finding}
  until: {until}
  reason: proxy only, CHG-4411
  by: ann
"""


class Site:
    """A broker, a database, and what was heard of both."""

    def __init__(self, folder: Path, broker: Running, server: Running) -> None:
        self.folder = folder
        self.server = server
        self.heard: list[Msg] = []
        self.jump = folder / "jump"
        mine = {
            "PASSWORD_OF_TARGET": server.password,
            "STT_NATS_URL": broker.url,
            "STT_WEB_LISTEN": "",
            "STT_COORDINATOR_STATE_DIR": str(folder / "coordinator"),
            "STT_WORKER_STATE_DIR": str(folder / "worker"),
            "XDG_CONFIG_HOME": str(folder),
            "LOGNAME": "ann",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
        self.environ = kept | mine

    def configured(self, name: str, site: str, target: str = "orders-pg") -> Path:
        """The configuration of a worker with one target, written."""
        path = self.folder / f"{name}.toml"
        path.write_text(CONFIG.format(server=self.server, site=site, target=target))
        return path

    def _program(self, days: int) -> str:
        """A service of ours that is started so many days later."""
        hours = JUMP.total_seconds() / 3_600
        return AHEAD.format(days=days, jump=str(self.jump), hours=hours)

    @contextmanager
    def running(
        self, *words: str, days: int = 0, **environ: str
    ) -> Generator[subprocess.Popen[bytes]]:
        """A service of ours, its clock so many days ahead."""
        command = [sys.executable, "-c", self._program(days), *words]
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen(command, env=self.environ | environ, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)

    async def stt(self, *words: str) -> Any:
        """What a command prints; raises RuntimeError with its message if it fails."""
        process = await asyncio.create_subprocess_exec(
            STT,
            *words,
            "-o",
            "json",
            env=self.environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        if process.returncode:
            text = f"stt {' '.join(words)}: exit {process.returncode}: {errors.decode().strip()}"
            raise RuntimeError(text)
        return json.loads(out) if out else {}

    async def check(self, statement: str) -> None:
        """Change the database, then look at it."""
        await asyncio.to_thread(postgresql.execute, self.server, statement)
        words = ("--wait", "--fail-on", "none", "--allow-incomplete")
        await self.stt("run", "--check", "postgresql_super_role", *words)

    async def announce(self, worker: subprocess.Popen[bytes], target: str, kind: str) -> None:
        """Let the worker announce this target alone; wait for one more event of the kind."""
        before = self.count(kind)
        self.configured("worker", "eu-west", target)
        # The next reload has to wait: two signals in a row are one reload, of the last file.
        worker.send_signal(signal.SIGHUP)
        async with asyncio.timeout(TIMEOUT_S):
            while self.count(kind) == before:  # noqa: ASYNC110  # of three processes
                await asyncio.sleep(0.1)

    def count(self, kind: str) -> int:
        """How many events of the kind were heard."""
        return sum(kind_of(one.subject) == kind for one in self.heard)

    async def hear(self, *kinds: str) -> Any:
        """The newest message of the last of `kinds`, of the role if any is, once all are there."""
        async with asyncio.timeout(TIMEOUT_S):
            while not set(kinds) <= {kind_of(one.subject) for one in self.heard}:  # noqa: ASYNC110  # of three processes
                await asyncio.sleep(0.1)
        mine = [one.data for one in self.heard if kind_of(one.subject) == kinds[-1]]
        return json.loads(([one for one in mine if OF_THE_ROLE in one] or mine)[-1])


async def happen(site: Site) -> None:
    """Everything, in an order in which it could happen to anyone."""
    with site.running("coordinator"):
        await in_service(site)
        await site.hear("worker.down")
        site.jump.touch()
        await site.hear("clock.held")
        site.jump.unlink()
        await site.hear("clock.released")
    with site.running("coordinator", days=ENDING_DAYS):
        await site.hear("exception.ending", "run.skipped")
    with site.running("coordinator", days=ENDED_DAYS):
        await site.hear("exception.ended")


async def in_service(site: Site) -> None:
    """What happens while all processes are there; at the end a worker goes."""
    mine = site.configured("worker", "eu-west")
    with site.running("worker", "--config", str(mine)) as worker:
        await site.hear("worker.up", "summary.site")
        await site.stt("enable", "--reason", "CHG-4400")
        await site.hear("run.finished")
        await site.check(BAD)
        opened = await site.hear("run.finished", "result", "finding.opened")
        await exceptions(site, opened["after"])
        await site.check(GOOD)
        await site.hear("finding.resolved")
        await site.check(BAD)
        await site.hear("finding.reopened")
        await targets(site, worker)


async def targets(site: Site, worker: subprocess.Popen[bytes]) -> None:
    """A target is withdrawn and comes back, is claimed by another site, and moves there."""
    for target, what in (("spare-pg", "target.gone"), ("orders-pg", "target.back")):
        await site.announce(worker, target, what)
    other = site.configured("other", "us-east")
    state = str(site.folder / "other")
    with site.running("worker", "--config", str(other), STT_WORKER_STATE_DIR=state):
        await site.hear("target.claimed")
        await site.announce(worker, "spare-pg", "target.moved")
    for target in ("late-pg", "spare-pg"):
        await site.announce(worker, target, "target.gone")
    await asyncio.sleep(1)
    await site.stt("targets", "forget", "late-pg", "--reason", "CHG-4500: switched off")
    await site.hear("target.forgotten")


async def exceptions(site: Site, finding: dict[str, Any]) -> None:
    """Accepted, for longer, no more; and another severity; and accepted for some days."""
    why = ("--reason", "proxy only, CHG-4411")
    await site.stt("accept", finding["id"], "--until", "60d", *why)
    made = (await site.hear("finding.accepted", "exception.created"))["exception"]
    until = clock.now().date() + timedelta(days=90)
    entry = site.folder / "exceptions.yaml"
    entry.write_text(ENTRY.format(id=made["id"], finding=finding["id"], until=until))
    await site.stt("exceptions", "import", str(entry))
    await site.hear("exception.changed")
    await site.stt("unaccept", made["id"], "--reason", "proxy is gone")
    await site.hear("finding.unaccepted", "exception.revoked")
    where = (finding["check"], "trivial", "--site", "eu-west")
    await site.stt("severity", "set", *where, "--reason", "nobody reaches it")
    await site.hear("finding.changed")
    await site.stt("severity", "reset", where[0], "--site", "eu-west")
    await site.stt("accept", finding["id"], "--until", f"{HELD_DAYS}d", *why)


async def record(folder: Path) -> dict[str, Any]:
    """One message of each kind."""
    server = postgresql.start(folder / "postgresql", password="throw-away")
    broker = embedded_nats.start(folder / "nats")
    try:
        postgresql.execute(server, "CREATE ROLE app LOGIN")
        site = Site(folder, broker, server)
        listener = await nats.connect(broker.url)

        async def note(message: Msg) -> None:
            site.heard.append(message)

        for subject in SUBJECTS:
            await listener.subscribe(subject, cb=note)
        await happen(site)
        await listener.close()
        return {kind: _chosen(site.heard, kind) for kind in KINDS}
    finally:
        broker.stop()
        server.stop()


def _chosen(heard: list[Msg], kind: str) -> dict[str, Any]:
    """The shortest of its kind of the role, of runs of any day, or else of all."""
    mine = [one for one in heard if kind_of(one.subject) == kind]
    wanted = (OF_THE_ROLE, *(OF_ANY_DAY if kind.startswith("run.") else ()))
    telling = ([one for one in mine if words in one.data] for words in wanted)
    shortest = min(next(filter(None, telling), mine), key=lambda one: len(one.data))
    return {"subject": shortest.subject, "message": json.loads(shortest.data)}


def main() -> None:
    """Record every event on servers of its own and write the file, or the one that is named."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDED
    with tempfile.TemporaryDirectory(prefix="stt-events-") as folder:
        Path(folder).chmod(0o755)
        found = asyncio.run(record(Path(folder)))
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
