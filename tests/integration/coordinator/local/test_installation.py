"""Processes of an installation are watched while they live and end in order, whatever happens."""

from __future__ import annotations

import asyncio
import signal
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from stt_coordinator.local.installation import (
    EndedError,
    Installation,
    clean_environment,
    run_script,
)
from stt_coordinator.local.servers.process import Running

SCRIPT = "trap 'echo {name} >> {journal}; exit 0' TERM; echo up; while :; do sleep 0.05; done"
TIMEOUT_S = 20.0


def sleeper(folder: Path, name: str, *, starts_in_s: float = 0.0) -> Running:
    """A process that writes its name into a journal when it is asked to end."""
    time.sleep(starts_in_s)
    own = folder / name
    own.mkdir()

    def is_up() -> None:
        if "up" not in (own / "server.log").read_text():
            raise ConnectionError("not up")

    return Running(
        name=name,
        command=["sh", "-c", SCRIPT.format(name=name, journal=folder / "journal")],
        directory=own,
        ready=is_up,
        port=0,
    ).start()


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid)]


async def test_what_was_started_ends_in_the_opposite_order(tmp_path: Path) -> None:
    installation = Installation()
    started = [
        await installation.start(partial(sleeper, tmp_path, name)) for name in ("one", "two", "end")
    ]
    pids = [running.pid for running in started]
    await installation.stop()
    assert (tmp_path / "journal").read_text().split() == ["end", "two", "one"]
    assert alive(pids) == []


async def test_a_process_that_ends_by_itself_is_named_and_ends_the_rest(tmp_path: Path) -> None:
    installation = Installation()
    pids: list[int] = []

    async def story() -> None:
        for name in ("one", "two"):
            running = await installation.start(partial(sleeper, tmp_path, name))
            pids.append(running.pid)
        psutil.Process(pids[1]).send_signal(signal.SIGKILL)
        await asyncio.sleep(TIMEOUT_S)

    with pytest.raises(EndedError, match="two ended by itself with code -9") as caught:
        await run_script(installation, story, asyncio.Event())
    assert caught.value.hint == "up"
    assert alive(pids) == []


async def test_a_process_that_is_just_starting_is_ended_too(tmp_path: Path) -> None:
    installation = Installation()
    stop = asyncio.Event()
    found: list[Running] = []

    def begin() -> Running:
        found.append(sleeper(tmp_path, "slow", starts_in_s=0.3))
        return found[0]

    async def story() -> None:
        asyncio.get_running_loop().call_later(0.1, stop.set)
        await installation.start(begin)

    await run_script(installation, story, stop)
    assert (tmp_path / "journal").read_text().split() == ["slow"]
    assert found[0].pid == 0


async def test_an_error_of_the_story_ends_everything_and_is_raised(tmp_path: Path) -> None:
    installation = Installation()
    pids: list[int] = []

    async def story() -> None:
        pids.append((await installation.start(partial(sleeper, tmp_path, "one"))).pid)
        raise LookupError("something of the story")

    with pytest.raises(LookupError, match="something of the story"):
        await run_script(installation, story, asyncio.Event())
    assert alive(pids) == []


def test_a_clean_environment_takes_every_setting_away_but_those_wanted() -> None:
    environ = {"PATH": "/bin", "STT_NATS_CREDS": "mine", "STT_LOG_LEVEL": "debug", "NATS_URL": "x"}
    found = clean_environment(environ, {"STT_NATS_URL": "ours"})
    assert found == {
        "STT_NATS_CREDS": None,
        "STT_LOG_LEVEL": None,
        "NATS_URL": None,
        "STT_NATS_URL": "ours",
    }
