"""systemd hears that a service is ready, alive for as long as it works, and ending."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_shared.telemetry import notify

PERIOD_US = "40000"  # 40 ms


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """The socket that a service manager listens on, and what it tells the service."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(address)
        one.setblocking(False)  # its only parameter
        yield one, {notify.SOCKET: address}


async def heard(manager: socket.socket) -> str:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        return (await loop.sock_recv(manager, 4096)).decode()


async def works() -> None:
    """A piece of work that is done."""


async def test_ready_alive_and_stopping_are_sent_in_this_order(
    manager: tuple[socket.socket, dict[str, str]],
) -> None:
    one, environ = manager
    async with notify.supervision(works, environ | {notify.PERIOD: PERIOD_US}):
        assert [await heard(one) for _ in range(3)] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
    state = ""
    while state != "STOPPING=1":
        state = await heard(one)
        assert state in {"WATCHDOG=1", "STOPPING=1"}


@pytest.mark.parametrize("broken", [True, False])
async def test_work_that_hangs_or_fails_gives_no_sign_of_life(
    manager: tuple[socket.socket, dict[str, str]], broken: bool
) -> None:
    one, environ = manager
    asked, often = 0, asyncio.Event()

    async def stuck() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            often.set()
        if broken:
            raise OSError("disk is gone")
        await asyncio.Event().wait()

    async with asyncio.timeout(30), notify.supervision(stuck, environ | {notify.PERIOD: PERIOD_US}):
        await often.wait()
    assert [await heard(one) for _ in range(2)] == ["READY=1", "STOPPING=1"]


async def test_without_systemd_nothing_is_sent() -> None:
    async def never() -> None:
        raise AssertionError

    async with notify.supervision(never, {}):
        await asyncio.sleep(0)


def test_the_period_is_half_of_what_systemd_allows_this_process() -> None:
    mine, other = str(os.getpid()), str(os.getpid() + 1)
    assert notify.period_s({notify.PERIOD: "60000000"}) == 30
    assert notify.period_s({notify.PERIOD: "60000000", notify.OWNER: mine}) == 30
    assert notify.period_s({notify.PERIOD: "60000000", notify.OWNER: other}) is None
    assert notify.period_s({notify.PERIOD: "soon"}) is None
    assert notify.period_s({}) is None


def test_a_manager_that_went_away_is_no_reason_to_end(tmp_path: Path) -> None:
    notify.send_state("READY=1", {notify.SOCKET: str(tmp_path / "gone")})
