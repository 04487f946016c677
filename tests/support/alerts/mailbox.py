"""A real mail server on loopback that keeps what arrives."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from stt_coordinator.local.servers.process import free_port
from tests.servers.certificates import Certificates

USER, PASSWORD = "stt", "throw-away-of-mail"


HOST = "127.0.0.1"


@dataclass
class Box:
    """What arrived, and whom the server refuses."""

    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.refuses:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # as above
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.envelopes.append(envelope)
        self.sessions.append(session)
        return "250 taken"


def known(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
) -> AuthResult:
    good = isinstance(given, LoginPassword) and (given.login, given.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=good, handled=False)


def server_tls(cert: Any, key: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@contextmanager
def server(box: Box, **options: Any) -> Iterator[int]:
    """A mail server on loopback; its port."""
    port = free_port()
    controller = Controller(box, hostname=HOST, port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@contextmanager
def demanding(box: Box, certificates: Certificates) -> Iterator[int]:
    """A server that takes mail over STARTTLS and after a log-in alone."""
    context = server_tls(certificates.cert, certificates.key)
    options = {"tls_context": context, "require_starttls": True, "authenticator": known}
    with server(box, auth_required=True, **options) as port:
        yield port
