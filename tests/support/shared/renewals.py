"""Log-ins to a real nats-server that are replaced while processes use them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stt_cli.accounts import keys
from stt_cli.accounts.keys import Key, Kind
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from tests.servers import certificates
from tests.support.shared.nats_logins import Operator, now, rewrite, write

NAMED, NOBODY = "CN=stt-client", "CN=nobody"


class Login(Protocol):
    """One log-in; `environ` is how a process uses it now, `old` the one that was revoked last."""

    server: Running
    is_read_again: bool  # false: a process has to be started again to use the new one

    @property
    def environ(self) -> dict[str, str]: ...

    @property
    def old(self) -> dict[str, str]: ...

    def revoke(self) -> None:
        """The server forgets it, which cuts its connections; its file is half of the new one."""
        ...

    def renew(self) -> None:
        """The new one is there as a whole."""
        ...


@dataclass
class FileLogin:
    """A log-in by a file, of which the old one is kept in another file."""

    server: Running
    file: Path
    setting: str
    following: str = ""  # what the file will have
    is_read_again: bool = True

    @property
    def environ(self) -> dict[str, str]:
        return {"STT_NATS_URL": self.server.url, self.setting: str(self.file)}

    @property
    def old(self) -> dict[str, str]:
        return self.environ | {self.setting: str(self._old)}

    @property
    def _old(self) -> Path:
        return self.file.with_suffix(".old")

    def halve(self, following: str) -> None:
        shutil.copy(self.file, self._old)
        self.following = following
        write(self.file, following[: len(following) // 2])

    def renew(self) -> None:
        write(self.file, self.following)


@dataclass
class NkeyLogin(FileLogin):
    key: Key = field(default_factory=lambda: keys.new(Kind.USER))

    def revoke(self) -> None:
        before, self.key = self.key, keys.new(Kind.USER)
        self.halve(self.key.seed)
        rewrite(self.server, before.public, self.key.public)


@dataclass
class CredsLogin(FileLogin):
    operator: Operator = field(default_factory=Operator)
    user: Key = field(default_factory=lambda: keys.new(Kind.USER))
    revoked: dict[str, int] = field(default_factory=dict[str, int])
    config: str = ""

    def revoke(self) -> None:
        self.revoked[self.user.public] = now() + 1
        self.user = keys.new(Kind.USER)
        self.halve(self.operator.creds(self.user))
        before, self.config = self.config, self.operator.config(revocations=self.revoked)
        rewrite(self.server, before, self.config)


@dataclass
class CertificateLogin(FileLogin):
    """The server takes the user from the certificate, and knows one authority at a time."""

    keys: certificates.Certificates = field(kw_only=True)
    own_ca: Path = field(kw_only=True)  # of the server's certificate, which stays
    folder: Path = field(kw_only=True)
    is_user_gone: bool = False

    @property
    def environ(self) -> dict[str, str]:
        url = self.server.url.replace("nats://", "tls://")
        return super().environ | {"STT_NATS_URL": url, "STT_NATS_CA": str(self.own_ca)}

    def revoke(self) -> None:
        before, place = self.keys.ca, self.folder / str(now())
        place.mkdir()
        self.keys = certificates.make(place)
        self.halve(self.keys.client_both.read_text())
        rewrite(self.server, f'ca_file: "{before}"', f'ca_file: "{self.keys.ca}"')
        # A connection outlives its authority; the user that is gone ends it.
        rewrite(self.server, NAMED, NOBODY)

    def renew(self) -> None:
        rewrite(self.server, NOBODY, NAMED)
        super().renew()


@dataclass
class PasswordLogin:
    """A password, which a process reads once."""

    server: Running
    number: int = 1
    is_read_again: bool = False

    @property
    def environ(self) -> dict[str, str]:
        return self._environ(self.number)

    @property
    def old(self) -> dict[str, str]:
        return self._environ(self.number - 1)

    def _environ(self, number: int) -> dict[str, str]:
        login = {"STT_NATS_USER": "stt", "STT_NATS_PASSWORD": secret(number)}
        return {"STT_NATS_URL": self.server.url, **login}

    def revoke(self) -> None:
        self.number += 1
        rewrite(self.server, secret(self.number - 1), secret(self.number))

    def renew(self) -> None:
        """It is in the environment of the next process."""


def secret(number: int) -> str:
    return f"throw-away-{number}-"


def nkey(folder: Path) -> Login:
    key = keys.new(Kind.USER)
    extra = f"authorization {{ users: [ {{ nkey: {key.public} }} ] }}"
    server = embedded_nats.start(folder / "nats", extra=extra)
    return NkeyLogin(server, write(folder / "user.nk", key.seed), "STT_NATS_NKEY", key=key)


def creds(folder: Path) -> Login:
    operator, user = Operator(), keys.new(Kind.USER)
    config = operator.config(revocations={})
    server = embedded_nats.start(folder / "nats", extra=config)
    file = write(folder / "user.creds", operator.creds(user))
    return CredsLogin(server, file, "STT_NATS_CREDS", operator=operator, user=user, config=config)


def certificate(folder: Path) -> Login:
    (folder / "first").mkdir()
    made = certificates.make(folder / "first")
    extra = (
        f'tls {{ cert_file: "{made.cert}", key_file: "{made.key}", ca_file: "{made.ca}",'
        " verify_and_map: true }\n"
        f'authorization {{ users: [ {{ user: "{NAMED}" }} ] }}'
    )
    server = embedded_nats.start(folder / "nats", extra=extra)
    file = write(folder / "client.pem", made.client_both.read_text())
    return CertificateLogin(server, file, "STT_NATS_CERT", keys=made, own_ca=made.ca, folder=folder)


def password(folder: Path) -> Login:
    extra = f"authorization {{ users: [ {{ user: stt, password: {secret(1)} }} ] }}"
    return PasswordLogin(embedded_nats.start(folder / "nats", extra=extra))


LOGINS = {"nkey": nkey, "creds": creds, "certificate": certificate, "password": password}
