"""Real processes with a secret in every place where one can stand, and all that they say."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from stt_coordinator.local.servers import nats
from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.clock import monotonic
from tests.support.processes.commands import STT
from tests.support.processes.prepared import prepared

TIMEOUT_S = 90.0
NATS_USER = "us@er"
TARGETS = """
[[targets]]
id = "plain"
family = "postgresql"
host = "{host}"
port = {port}
user = "{user}"
password = '{plain}'
tls = "off"
labels = {{ console = "https://dba:{label}@console.example/", team = "orders" }}

[[targets]]
id = "in-url"
url = "postgresql://{user}:{in_url}@{host}:{port}/postgres?tls=off"

[[targets]]
id = "by-program"
family = "mysql"
host = "127.0.0.1"
port = {closed}
user = "stt"
password = "exec:/bin/false read {argument}"
tls = "off"

[[targets]]
id = "by-file"
family = "mongodb"
host = "127.0.0.1"
port = {closed}
user = "stt"
password = "file:held"
tls = "off"
"""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Each with signs that every way of writing it down changes."""

    nats: str = "Zq1 n@ts:/?#%41&=+"
    wrong: str = "Zq2-wr@ng/one"
    plain: str = 'Zq3 pl"ain@:/%'
    in_url: str = "Zq4 url@:/#%"
    argument: str = "Zq5-argument"
    held: str = "Zq6 held@:/"
    label: str = "Zq7-label"
    variable: str = "Zq8 vari@ble"
    webhook: str = "Zq9-webhook-secret-of-posts"
    smtp: str = "Zq10 smtp@:/"

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Every secret as it may be written: raw, encoded, escaped, lower case, base64."""
        for name in self.__slots__:
            secret: str = getattr(self, name)
            raw = secret.encode()
            yield name, raw
            yield name, quote(secret, safe="").encode()
            yield name, secret.replace('"', '\\"').encode()
            yield name, secret.lower().encode()
            yield name, base64.b64encode(raw).rstrip(b"=")[:-1]


@dataclass(slots=True)
class Site:
    """A folder in which everything runs; `outputs` is what commands wrote."""

    folder: Path
    broker: Running
    secrets: Secrets
    outputs: dict[str, bytes] = field(default_factory=dict)

    def url(self, password: str, *, encoded: bool = True) -> str:
        user = quote(NATS_USER, safe="")
        login = f"{user}:{quote(password, safe='') if encoded else password}"
        return f"nats://{login}@127.0.0.1:{self.broker.port}"

    @property
    def config(self) -> str:
        return str(self.folder / "config" / "worker.toml")

    def environ(self, url: str) -> dict[str, str]:
        own = ("STT_", "NATS_", "OTEL_")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(own)}
        return inherited | {
            "STT_NATS_URL": url,
            "STT_NATS_TIMEOUT_S": "2",
            "STT_LOG_LEVEL": "debug",
            "STT_WEB_LISTEN": f"127.0.0.1:{free_port()}",
            "STT_ALERTS_WEBHOOK": f"https://127.0.0.1:9/hook/{quote(self.secrets.webhook)}",
            "STT_ALERTS_WEBHOOK_SECRET": self.secrets.webhook,
            "STT_ALERTS_SMTP": "127.0.0.1:9",
            "STT_ALERTS_SMTP_USER": "stt",
            "STT_ALERTS_SMTP_PASSWORD": self.secrets.smtp,
            "STT_ALERTS_MAIL_FROM": "stt@example.com",
            "STT_ALERTS_MAIL_TO": "dba@example.com",
            "PASSWORD_HERE": self.secrets.variable,
            "XDG_CONFIG_HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
        }

    def stt(self, *words: str, url: str) -> int:
        done = prepared().run(words, self.environ(url))
        printed = (done.stdout + done.stderr).encode()
        self.outputs[f"{len(self.outputs)} {' '.join(words)[:40]}"] = printed
        return done.returncode

    @contextmanager
    def service(self, name: str, *words: str, url: str, until: str) -> Iterator[None]:
        """A service that logs into a file; ready when that holds `until`."""
        path = self.folder / f"{name}.log"
        with path.open("wb") as log:
            process = subprocess.Popen([STT, *words], env=self.environ(url), stdout=log, stderr=log)
            try:
                self.wait_for(path, until)
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
        self.outputs[name] = path.read_bytes()

    def wait_for(self, path: Path, text: str) -> None:
        deadline = monotonic() + TIMEOUT_S
        while text not in path.read_text(errors="replace"):
            assert monotonic() < deadline, path.read_text(errors="replace")[-2000:]
            time.sleep(0.1)

    def await_targets(self, *, url: str) -> None:
        """Return as soon as the coordinator knows targets: a worker announces after its start."""
        deadline = monotonic() + TIMEOUT_S
        listing = ("targets", "list", "-o", "json")
        while not (done := prepared().run(listing, self.environ(url))).stdout.count('"target"'):
            assert monotonic() < deadline, done.stderr
            time.sleep(0.1)

    def leaks(self) -> list[str]:
        """Where a secret stands in any form: in outputs, and in files that a run leaves behind."""
        written: dict[str, bytes] = dict(self.outputs)
        for path in (self.folder / "state").rglob("*"):
            if path.is_file():
                written[str(path)] = path.read_bytes()
        return [
            f"{name} in {where}: ...{text[max(0, at - 150) : at + 60]!r}"
            for where, text in written.items()
            for name, form in self.secrets.forms()
            if (at := text.find(form)) >= 0
        ]


@contextmanager
def site(folder: Path, database: Running) -> Iterator[Site]:
    """A nats-server with a log-in, and a worker's file with targets on `database`."""
    secrets = Secrets()
    login = f'authorization {{ user: "{NATS_USER}", password: "{secrets.nats}" }}'
    broker = nats.start(folder / "nats", extra=login)
    try:
        made = Site(folder, broker, secrets)
        config = Path(made.config)
        config.parent.mkdir()
        names: Mapping[str, object] = {
            "host": database.host,
            "port": database.port,
            "user": database.user,
            "closed": free_port(),
        }
        text = TARGETS.format(
            plain=secrets.plain,
            in_url=quote(secrets.in_url, safe=""),
            argument=secrets.argument,
            label=secrets.label,
            **names,
        )
        config.write_text(text, encoding="utf-8")
        (config.parent / "held").write_text(secrets.held, encoding="utf-8")
        yield made
    finally:
        broker.stop()
