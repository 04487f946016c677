"""Serves the application on one address, in the event loop of the coordinator."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from litestar import Litestar

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.log_ins import LogIns
from stt_coordinator.control.unavailable import UNAVAILABLE
from stt_coordinator.tasks.troubles import Troubles
from stt_coordinator.web.app import application
from stt_coordinator.web.connections import Connections, LimitedListener, limited_protocol
from stt_coordinator.web.login.login import Login, login_of
from stt_coordinator.web.standby import standby_application
from stt_shared.errors import ConfigError
from stt_shared.lifecycle import awaited_task, cancelled
from stt_shared.settings.web import WebSettings
from stt_shared.telemetry.logs import logger

TASK = "page"
RETRY_S = 10.0  # between two tries to listen on an address in use
STORE_RETRY_S = 1.0  # between two tries to read the store before the page is served
GRACE_S = 3  # for requests under way at the end, those that watch a run among them
_LOG = logger("web")


def address_of(listen: str, *, login: bool = False) -> tuple[str, int]:
    """Host and port of `host:port`; raises ConfigError for any other text.

    Without a login only loopback addresses are accepted; ConfigError for any other.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004  # the last port
        raise ConfigError(
            f"web.listen is {listen!r}, expected host:port", hint="for example 127.0.0.1:8642"
        )
    if not login and not is_loopback(host):
        raise ConfigError(
            f"web.listen is {listen!r}, which others can reach, and no log-in is configured",
            hint="set web.tokens or web.proxy_user_header, or listen on 127.0.0.1:8642",
        )
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether `host` is a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bound(listen: str, *, login: bool = False) -> socket.socket:
    """A socket that listens; raises ConfigError if the address is wrong or in use."""
    host, port = address_of(listen, login=login)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without the protocol asyncio leaves Nagle on: 40 ms for each answer on a kept connection.
    found = LimitedListener(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        # Now: two coordinators may bind one address, and the one that listens second would end.
        found.listen()
    except OSError as error:
        found.close()
        raise ConfigError(
            f"the page cannot listen on {listen}: {error.strerror}",
            hint="another address: STT_WEB_LISTEN=127.0.0.1:8643, or none: STT_WEB_LISTEN=''",
        ) from error
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Where the page is served, with which certificate, and who may log in."""

    listen: str
    login: Login | None = None
    cert: str = ""
    key: str = ""

    def is_proxy(self, address: str) -> bool:
        """Whether connections from `address` come from a trusted proxy, for many visitors."""
        return self.login is not None and self.login.proxy.is_trusted(address)

    @property
    def is_secure(self) -> bool:
        """Whether browsers use TLS, to the coordinator or to a proxy."""
        return bool(self.cert) or (self.login is not None and bool(self.login.proxy.networks))


def front_of(web: WebSettings) -> Front:
    """The front that the settings describe.

    Raises ConfigError for an address that others reach without a log-in, a wrong file of tokens,
    and a certificate that cannot be read.
    """
    login = login_of(web)
    host, _ = address_of(web.listen, login=login is not None)
    if web.key and not web.cert:
        raise ConfigError("web.key is set and web.cert is not", hint="set both, or none for no TLS")
    if web.cert:
        # Now, not when the first browser comes: a wrong file has to stop the start.
        _try(web.cert, web.key)
    front = Front(listen=web.listen, login=login, cert=web.cert, key=web.key)
    if not is_loopback(host) and not front.is_secure:
        _LOG.warning("tokens_exposed", listen=web.listen, hint="set web.cert and web.key")
    return front


def _try(cert: str, key: str) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key or None)
    except (OSError, ssl.SSLError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(
            f"web.cert is {cert}, which cannot be used ({str(reason).lower()})",
            hint="it has to be PEM, readable for the coordinator, with web.key as its key",
        ) from error


class Page:
    """The page as a task of the coordinator; tries again while its address is in use."""

    def __init__(self, context: HandlerContext, front: Front, troubles: Troubles) -> None:
        self._context = context
        self._front = front
        self._troubles = troubles

    async def run(self) -> None:
        """Serve until cancelled; without a page the coordinator still does its work."""
        while True:
            try:
                listening = bound(self._front.listen, login=self._front.login is not None)
            except ConfigError as error:
                if not self._troubles.has(TASK):
                    _LOG.warning("page_failed", reason=error.message, hint=error.hint)
                self._troubles.report(TASK, error.message)
                await asyncio.sleep(RETRY_S)
                continue
            self._troubles.resolve(TASK)
            try:
                await serve(self._context, listening, self._front, self._troubles)
            except UNAVAILABLE as error:
                listening.close()
                self._troubles.report(TASK, error.message)
                await asyncio.sleep(STORE_RETRY_S)


class StandbyPage:
    """The page while this coordinator stands by; tries again while its address is in use."""

    def __init__(self, front: Front, waits: asyncio.Event, sentence: Callable[[], str]) -> None:
        self._front = front
        self._waits = waits
        self._sentence = sentence

    async def run(self) -> None:
        """Serve until cancelled, from the moment on in which it begins to wait."""
        front = self._front
        # A coordinator that acts at once needs its address for the page itself.
        await self._waits.wait()
        while True:
            try:
                listening = bound(front.listen, login=front.login is not None)
            except ConfigError:
                # Usual: the coordinator that acts is on the same machine.
                await asyncio.sleep(RETRY_S)
                continue
            app = standby_application(self._sentence, is_hidden=front.login is not None)
            await serve_application(app, listening, front)


async def serve(
    context: HandlerContext,
    listening: socket.socket,
    front: Front,
    troubles: Troubles | None = None,
) -> None:
    """Serve the page of an active coordinator, as `serve_application`.

    Raises StoreError if the key of forms cannot be read.
    """
    log_ins = LogIns(context.store, troubles)
    key = await log_ins.form_key()
    app = application(context, front.login, log_ins=log_ins, secure=front.is_secure, form_key=key)
    keeping = awaited_task(_keep(log_ins, app), "log-ins")
    try:
        await serve_application(app, listening, front)
    finally:
        await cancelled([keeping])


async def _keep(log_ins: LogIns, app: Litestar) -> None:
    """Write log-ins into the store that could not be written, again and again."""
    while True:
        await asyncio.sleep(RETRY_S)
        key = await log_ins.keep()
        if key and app.csrf_config is not None:
            # Another coordinator may have put one meanwhile, and forms of both must be accepted.
            app.csrf_config.secret = key


async def serve_application(app: Litestar, listening: socket.socket, front: Front) -> None:
    """Serve until cancelled; requests under way get GRACE_S."""
    host, port = listening.getsockname()[:2]
    config = uvicorn.Config(
        app,
        ssl_certfile=front.cert or None,
        ssl_keyfile=front.key or None,
        # uvicorn would believe these headers of any peer; Proxy trusts the configured ones alone.
        proxy_headers=False,
        http=limited_protocol(Connections(front.is_proxy)),
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    scheme = "https" if front.cert else "http"
    _LOG.info("page_started", address=f"{scheme}://{host}:{port}/", login=front.login is not None)
    task = awaited_task(server.serve(sockets=[listening]), "http")
    try:
        await asyncio.shield(task)
    finally:
        # Asked to end, not cancelled: requests under way get their GRACE_S.
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """A server that leaves signals to the coordinator."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Install no signal handler."""
        yield
