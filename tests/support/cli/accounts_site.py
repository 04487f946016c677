"""A real nats-server with the accounts that `stt nats config` prints, and who logs in to it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stt_cli.accounts.printing import OPERATOR_SEED
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from tests.servers import nats_versions
from tests.support.processes.commands import stt
from tests.support.processes.installation import PACE, PROGRAM

READY_S = 180.0
COORDINATOR = "STT-coordinator"
OPS, VIEW, EVENTS = "STT-ops", "STT-view", "STT-events"
TARGETS = """
[worker]
name = "{worker}"
site = "{site}"
state_dir = "{folder}/{worker}"
{targets}
"""
TARGET = """
[[targets]]
id = "{target}"
family = "postgresql"
host = "127.0.0.1"
port = 1
user = "u"
password = "env:PW"
tls = "off"
"""


def printed(folder: Path, *words: str) -> str:
    """What `stt nats config` prints; its secrets are in `folder`/keys."""
    done = stt("nats", "config", "--keys", str(folder / "keys"), *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def of_worker(site: str, worker: str, families: str = "postgresql") -> tuple[str, ...]:
    return ("--site", site, "--worker", worker, "--families", families)


@dataclass(kw_only=True)
class Site:
    """The server, its accounts, and processes that log in to it."""

    folder: Path
    server: Running
    form: str = "conf"
    processes: ExitStack = field(default_factory=ExitStack)

    def secret(self, who: str) -> Path:
        return self.folder / "keys" / f"{who}{'.nk' if self.form == 'conf' else '.creds'}"

    def environ(self, who: str, **more: str) -> dict[str, str]:
        """The environment of a holder; the form `none` is a server without a log-in."""
        if self.form == "none":
            return {"STT_NATS_URL": self.server.url, "PW": "x", **more}
        kind = "STT_NATS_NKEY" if self.form == "conf" else "STT_NATS_CREDS"
        return {"STT_NATS_URL": self.server.url, kind: str(self.secret(who)), "PW": "x", **more}

    def options(self, who: str) -> NatsOptions:
        path = str(self.secret(who))
        login = {"nkey": path} if self.form == "conf" else {"creds": path}
        return NatsOptions(servers=(self.server.url,), name=who, timeout_s=3, **login)  # type: ignore[arg-type]

    async def bus(self, who: str) -> JetStreamBus:
        return await connect(self.options(who))

    def stt(self, who: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return stt(*words, **self.environ(who, STT_NATS_TIMEOUT_S="3", **environ))

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def start(self, name: str, *words: str, **environ: str) -> subprocess.Popen[bytes]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("STT_")}
        with self.log(name).open("ab") as log:
            child = subprocess.Popen(
                [PROGRAM, *PACE, *words],
                env=clean | environ,
                stdout=log,
                stderr=log,
            )
        self.processes.callback(child.wait, 30)
        self.processes.callback(child.kill)
        return child

    def coordinate(self, **more: str) -> None:
        state = str(self.folder / "coordinator")
        # Without a page: several coordinators of one machine would want its address.
        own = {"STT_COORDINATOR_STATE_DIR": state, "STT_WEB_LISTEN": "", **more}
        environ = self.environ(COORDINATOR, **own)
        self.start("coordinator", "coordinator", **environ)

    def work(self, site: str, worker: str, *targets: str, account: str = "", **more: str) -> None:
        config = self.folder / f"{worker}.toml"
        listed = "".join(TARGET.format(target=target) for target in targets)
        config.write_text(
            TARGETS.format(worker=worker, site=site, folder=self.folder, targets=listed)
        )
        environ = self.environ(account or f"STT-{site}-{worker}", **more)
        self.start(worker, "worker", "--config", str(config), **environ)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_S
        while not holds():
            logs = [path.read_text()[-3000:] for path in self.folder.glob("*.log")]
            assert time.monotonic() < deadline, (what, logs)
            time.sleep(0.3)

    def knows(self, *targets: str) -> None:
        """Wait until the coordinator knows these targets."""

        def known() -> bool:
            listed = self.stt(OPS, "targets", "list", "-o", "json").stdout
            return all(f'"{target}"' in listed for target in targets)

        self.until(known, f"targets {targets}")


def operator_mode(folder: Path, workers: Sequence[tuple[str, ...]]) -> str:
    """The text of a server that knows all accounts as JWTs; those of `workers` are included."""
    jwt = ("--format", "jwt")
    whole = printed(folder, *jwt, "--operator", "--stt", "--people")
    signed = (*jwt, "--operator-key", str(folder / "keys" / OPERATOR_SEED))
    (folder / "nats").mkdir()
    (folder / "nats" / "workers.conf").write_text(
        "".join(printed(folder, *one, *signed) for one in workers)
    )
    assert whole.endswith("}\n")
    return whole.removesuffix("}\n") + 'include "workers.conf"\n}\n'


@contextmanager
def accounts_on_nats(
    folder: Path,
    workers: Sequence[tuple[str, ...]],
    *,
    form: str = "conf",
    binary: Path | None = None,
    extra: str = "",
) -> Iterator[Site]:
    """A server with the accounts of STT, of `workers` (arguments) and of people."""
    if form == "conf":
        words = [("--stt",), *workers, ("--people",)]
        text = "accounts {\n" + "\n".join(printed(folder, *one) for one in words) + "}\n"
    else:
        text = operator_mode(folder, workers)
    program = binary or nats_versions.chosen()
    server = embedded_nats.start(folder / "nats", extra=text + extra, binary=program)
    site = Site(folder=folder, server=server, form=form)
    try:
        yield site
    finally:
        site.processes.close()
        server.stop()
