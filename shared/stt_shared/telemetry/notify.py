"""Notify systemd of the state of a service: ready, alive, stopping."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial

from stt_shared.lifecycle import background_loop, cancelled
from stt_shared.telemetry.logs import log_crash, logger

SOCKET = "NOTIFY_SOCKET"
PERIOD = "WATCHDOG_USEC"  # microseconds after which systemd restarts a silent service
OWNER = "WATCHDOG_PID"
PER_PERIOD = 2  # sd_watchdog_enabled(3) advises half of the time
MICROSECONDS = 1_000_000
_LOG = logger("systemd")

Progress = Callable[[], Awaitable[object]]


def send_state(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send `state` (`READY=1`, see sd_notify(3)) to systemd; does nothing without systemd."""
    address = environ.get(SOCKET, "")
    if not address:
        return
    if address.startswith("@"):  # in the abstract name space
        address = f"\0{address[1:]}"
    with (
        suppress(OSError),  # the service continues without the manager
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one,
    ):
        one.connect(address)
        one.sendall(state.encode())


def period_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between two watchdog messages; None without a watchdog."""
    written = environ.get(PERIOD, "")
    if not written.isdigit() or int(written) == 0:
        return None
    if environ.get(OWNER, str(os.getpid())) != str(os.getpid()):
        return None
    return int(written) / MICROSECONDS / PER_PERIOD


@asynccontextmanager
async def supervision(
    progress: Progress, environ: Mapping[str, str] = os.environ
) -> AsyncGenerator[None, None]:
    """Send ready at the start, stopping at the end, and watchdog messages while `progress` returns.

    `progress` does a piece of real work of the service. While it hangs or raises OSError no
    watchdog message is sent, and systemd restarts the service after the period.
    """
    send_state("READY=1", environ)
    every = period_s(environ)
    watch = (
        background_loop(partial(_alive, progress, every, environ), "watchdog", log_crash)
        if every
        else None
    )
    try:
        yield
    finally:
        send_state("STOPPING=1", environ)
        if watch:
            await cancelled([watch])


async def _alive(progress: Progress, every_s: float, environ: Mapping[str, str]) -> None:
    while True:
        try:
            # Less than the period of the watchdog: the reason is in the log before systemd acts.
            async with asyncio.timeout(every_s):
                await progress()
        except (OSError, TimeoutError) as error:
            _LOG.warning("progress_stopped", reason=str(error) or f"nothing within {every_s:g} s")
        else:
            send_state("WATCHDOG=1", environ)
        await asyncio.sleep(every_s)
