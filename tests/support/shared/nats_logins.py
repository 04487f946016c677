"""Methods to log in to a real nats-server: its configuration, and the settings of a client."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from stt_cli.accounts import jwt, keys
from stt_cli.accounts.keys import Key, Kind
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from tests.servers.certificates import Certificates

PASSWORD = "throw-away"


def reload(server: Running) -> None:
    """Have the server read its configuration again."""
    os.kill(server.pid, signal.SIGHUP)


def rewrite(server: Running, before: str, after: str) -> None:
    """Replace a part of the server's configuration, and have it read again."""
    config = server.directory / "nats.conf"
    text = config.read_text()
    assert before in text
    config.write_text(text.replace(before, after))
    reload(server)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def now() -> int:
    return int(clock.now().timestamp())


@dataclass(kw_only=True)
class Operator:
    """An operator with one account that has JetStream, kept in the memory of the server."""

    operator: Key = field(default_factory=lambda: keys.new(Kind.OPERATOR))
    system: Key = field(default_factory=lambda: keys.new(Kind.ACCOUNT))
    account: Key = field(default_factory=lambda: keys.new(Kind.ACCOUNT))
    since: int = field(default_factory=now)  # a server reloads no other operator

    def account_jwt(self, key: Key, **more: object) -> str:
        limits = jwt.unlimited() | {"imports": -1, "exports": -1, "wildcards": True, "conn": -1}
        limits |= {"leaf": -1, "disk_storage": -1, "mem_storage": -1, "streams": -1, "consumer": -1}
        if key is self.system:
            limits = {name: limits[name] for name in limits if "storage" not in name}
        body = {"limits": limits, **more}
        made = jwt.claims("account", key.public, "STT", body, issued=now())
        return jwt.signed(made, self.operator)

    def config(self, **more: object) -> str:
        """The server's configuration; `more` stands in the claims of the account."""
        return self.resolving(f"{self.account.public}: {self.account_jwt(self.account, **more)}\n")

    def resolving(self, accounts: str) -> str:
        """The server's configuration with `accounts`, a line `KEY: JWT` for each."""
        body = {"system_account": self.system.public}
        made = jwt.claims("operator", self.operator.public, "test", body, issued=self.since)
        system = f"{self.system.public}: {self.account_jwt(self.system)}\n"
        return (
            f"operator: {jwt.signed(made, self.operator)}\n"
            f"system_account: {self.system.public}\n"
            f"resolver: MEMORY\nresolver_preload: {{\n{system}{accounts}}}\n"
        )

    def creds(self, user: Key, *, expires: int = 0) -> str:
        """The credentials file of a user; `expires` is in seconds since 1970."""
        body = jwt.unlimited() | {"pub": {}, "sub": {}}
        made = jwt.claims("user", user.public, "u", body, issued=now(), expires=expires)
        return jwt.creds(jwt.signed(made, self.account), user.seed)


@dataclass(kw_only=True)
class LoggedIn:
    """A running server, and the environment by which each part logs in to it."""

    server: Running
    environ: dict[str, str]


def password(folder: Path, _: Certificates) -> LoggedIn:
    extra = f'authorization {{ users: [ {{ user: stt, password: "{PASSWORD}" }} ] }}'
    server = embedded_nats.start(folder / "nats", extra=extra)
    login = {"STT_NATS_USER": "stt", "STT_NATS_PASSWORD": PASSWORD}
    return LoggedIn(server=server, environ={"STT_NATS_URL": server.url, **login})


def nkey(folder: Path, _: Certificates) -> LoggedIn:
    key = keys.new(Kind.USER)
    extra = f"authorization {{ users: [ {{ nkey: {key.public} }} ] }}"
    server = embedded_nats.start(folder / "nats", extra=extra)
    path = write(folder / "user.nk", key.seed + "\n")
    return LoggedIn(server=server, environ={"STT_NATS_URL": server.url, "STT_NATS_NKEY": str(path)})


def creds(folder: Path, _: Certificates) -> LoggedIn:
    operator = Operator()
    server = embedded_nats.start(folder / "nats", extra=operator.config())
    path = write(folder / "user.creds", operator.creds(keys.new(Kind.USER)))
    return LoggedIn(
        server=server, environ={"STT_NATS_URL": server.url, "STT_NATS_CREDS": str(path)}
    )


def mutual_tls(folder: Path, certificates: Certificates) -> LoggedIn:
    """The certificate names the user; the server greets nobody before TLS."""
    tls = (
        f'tls {{ cert_file: "{certificates.cert}", key_file: "{certificates.key}",'
        f' ca_file: "{certificates.ca}", verify_and_map: true, handshake_first: true }}\n'
    )
    extra = tls + 'authorization { users: [ { user: "CN=stt-client" } ] }'
    server = embedded_nats.start(folder / "nats", extra=extra, greets=False)
    return LoggedIn(
        server=server,
        environ={
            "STT_NATS_URL": f"tls://127.0.0.1:{server.port}",
            "STT_NATS_CA": str(certificates.ca),
            "STT_NATS_CERT": str(certificates.client_cert),
            "STT_NATS_KEY": str(certificates.client_key),
            "STT_NATS_TLS_FIRST": "true",
        },
    )


FORMS = (password, nkey, creds, mutual_tls)
