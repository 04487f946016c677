"""The application served on one address inside the coordinator's own loop."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from stt_coordinator.control.desk import Desk
from stt_coordinator.web.app import application
from stt_shared.errors import ConfigError
from stt_shared.telemetry.logs import logger

TASK = "page"
RETRY_S = 10.0  # before an address that is taken is tried again
GRACE_S = 3  # for requests under way at the end, those that watch a run among them
_LOG = logger("web")


def address_of(listen: str) -> tuple[str, int]:
    """Host and port of `host:port`; raises ConfigError if it is none, or not of loopback.

    Without a log-in nobody but this machine may look: any other address is refused.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004  # the last port
        raise ConfigError(
            f"web.listen is {listen!r}, expected host:port", hint="for example 127.0.0.1:8642"
        )
    if not _is_loopback(host):
        raise ConfigError(
            f"web.listen is {listen!r}, which others can reach, and no log-in is configured",
            hint="listen on 127.0.0.1:8642 behind a reverse proxy that asks for a log-in",
        )
    return host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bound(listen: str) -> socket.socket:
    """A socket that listens; raises ConfigError if the address is wrong or taken."""
    host, port = address_of(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise ConfigError(
            f"the page cannot listen on {listen}: {error.strerror}",
            hint="another address: STT_WEB_LISTEN=127.0.0.1:8643, or none: STT_WEB_LISTEN=''",
        ) from error
    return found


class Page:
    """The page as a task of the coordinator: tried again where its address is taken."""

    def __init__(self, desk: Desk, listen: str, troubles: dict[str, str]) -> None:
        self._desk = desk
        self._listen = listen
        self._troubles = troubles

    async def run(self) -> None:
        """Serve until cancelled; without a page the coordinator still does its work."""
        while True:
            try:
                listening = bound(self._listen)
            except ConfigError as error:
                if TASK not in self._troubles:
                    _LOG.warning("no page", reason=error.message, hint=error.hint)
                self._troubles[TASK] = error.message
                await asyncio.sleep(RETRY_S)
                continue
            self._troubles.pop(TASK, None)
            await serve(self._desk, listening)


async def serve(desk: Desk, listening: socket.socket) -> None:
    """Serve until cancelled; requests under way get GRACE_S."""
    host, port = listening.getsockname()[:2]
    config = uvicorn.Config(
        application(desk),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    _LOG.info("page", address=f"http://{host}:{port}/")
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(task)
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Leaves the signals to the coordinator."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """None of its own."""
        yield
