"""Kept children: forked from one server, bounded, and gone when they should be."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stt_worker.processes.child import Bounds, Child, SpawnError, reason
from stt_worker.processes.frames import FrameError, joined, split
from stt_worker.processes.pool import Pool
from stt_worker.processes.spawner import Spawner
from tests.support.holdings import descendants, holdings, leftovers

ENTRIES = "tests.support.worker.child_entries"
MIB = 1024 * 1024


@pytest.fixture
async def spawner() -> AsyncIterator[Spawner]:
    made = Spawner([ENTRIES])
    yield made
    await made.close()


async def asked(child: Child, text: str) -> str:
    await child.send(text.encode())
    return (await child.receive()).decode()


async def test_a_child_answers_and_serves_again_without_a_new_fork(spawner: Spawner) -> None:
    pool = Pool(spawner, f"{ENTRIES}:echo")
    answers: list[str] = []
    for number in range(3):
        async with pool.child() as child:
            answers.append(await asked(child, f"job {number}"))
    assert [one.split(" ", 1)[1] for one in answers] == ["job 0", "job 1", "job 2"]
    assert len({one.split()[0] for one in answers}) == 1
    await pool.close()


async def test_frames_of_megabytes_arrive_whole_in_both_directions(spawner: Spawner) -> None:
    child = await spawner.fork(f"{ENTRIES}:echo")
    sent = os.urandom(5 * MIB)
    await child.send(sent[:MIB], sent[MIB:])
    assert (await child.receive()).endswith(sent)


async def test_after_the_close_nothing_is_left() -> None:
    before = holdings()
    spawner = Spawner([ENTRIES])
    pool = Pool(spawner, f"{ENTRIES}:obey", size=4)

    async def job(word: str) -> None:
        async with pool.child() as child:
            await child.send(word.encode())
            if word != "sleep 600":
                await child.receive()
            await asyncio.sleep(600)

    words = ["sleep 600", "raise x", "die", "allocate 1"] * 3
    jobs = [asyncio.create_task(job(word)) for word in words]
    await asyncio.sleep(1)
    for one in jobs:
        one.cancel()
    await asyncio.wait(jobs)
    await pool.close()
    await spawner.close()
    assert await leftovers(before) == []


async def test_a_fork_server_that_starts_during_the_close_is_ended() -> None:
    before = holdings()
    spawner = Spawner([ENTRIES])
    forking = asyncio.create_task(spawner.fork(f"{ENTRIES}:echo"))
    await asyncio.sleep(0)
    await spawner.close()
    await asyncio.wait([forking])
    assert isinstance(forking.exception(), SpawnError)
    assert await leftovers(before) == []


async def test_a_fork_nobody_waits_for_any_more_leaves_no_child(spawner: Spawner) -> None:
    await spawner.fork(f"{ENTRIES}:echo")
    before = holdings()
    for _ in range(20):
        forking = asyncio.create_task(spawner.fork(f"{ENTRIES}:echo"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        forking.cancel()
        await asyncio.wait([forking])
    await spawner.fork(f"{ENTRIES}:echo")  # the fork server serves in order: the twenty came before
    await asyncio.sleep(0.5)
    assert await leftovers(before, descriptors=1, processes=1) == []


async def test_a_child_knows_nothing_of_its_parent_but_the_channel(
    spawner: Spawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOSTADDR", "PGSERVICE", "MYSQL_PWD", "PYTHONSTARTUP", "STT_SECRET"):
        monkeypatch.setenv(name, "/nowhere")
    other = await spawner.fork(f"{ENTRIES}:echo")
    child = await spawner.fork(f"{ENTRIES}:describe")
    found = json.loads(await asked(child, ""))
    assert not {one for one in found["environment"] if one.startswith(("PG", "MY", "STT", "PY"))}
    assert found["descriptors"] == 4  # the channel, and /dev/null three times
    assert (found["core"], found["umask"], found["ignores"]) == (0, 0o077, [True, True])
    assert found["session"] != os.getsid(0)
    assert await asked(other, "still there")


async def test_a_file_is_handed_to_one_child(spawner: Spawner, tmp_path: Path) -> None:
    (tmp_path / "mark").write_text("mine")
    with (tmp_path / "mark").open() as file:
        child = await spawner.fork(f"{ENTRIES}:describe", descriptors=[file.fileno()])
    assert json.loads(await asked(child, ""))["handed"] == ["mine"]


async def test_memory_above_the_bound_ends_the_child_alone(spawner: Spawner) -> None:
    pool = Pool(spawner, f"{ENTRIES}:obey", bounds=Bounds(memory_bytes=64 * MIB))
    async with pool.child() as child:
        assert await asked(child, f"allocate {40 * MIB}") == str(40 * MIB)
        child.limit_memory(200 * MIB)
        assert await asked(child, f"allocate {150 * MIB}") == str(150 * MIB)
        with pytest.raises(FrameError):
            await asked(child, f"allocate {900 * MIB}")
        assert reason(await child.end()) == "it exceeded its memory limit"
    async with pool.child() as child:
        assert await asked(child, "allocate 1") == "1"
    await pool.close()


async def test_cpu_time_above_the_bound_ends_the_child(spawner: Spawner) -> None:
    child = await spawner.fork(f"{ENTRIES}:obey", Bounds(cpu_s=1))
    with pytest.raises(FrameError):
        await asked(child, "spin")
    assert reason(await child.end()) == "it exceeded its limit of CPU time"


@pytest.mark.parametrize(
    ("word", "why"), [("raise x", "its function failed"), ("die", "it ended with SIGKILL")]
)
async def test_the_reason_why_a_child_ended_is_reported(
    spawner: Spawner, word: str, why: str
) -> None:
    child = await spawner.fork(f"{ENTRIES}:obey")
    with pytest.raises(FrameError):
        await asked(child, word)
    assert reason(await child.end()) == why


async def test_a_job_cut_at_its_deadline_costs_the_next_one_nothing(spawner: Spawner) -> None:
    pool = Pool(spawner, f"{ENTRIES}:obey", size=1)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), pool.child() as child:
            await asked(child, "spin")
    async with pool.child() as child:
        assert await asked(child, "allocate 1") == "1"
    assert time.monotonic() - started < 60  # it spins for ever
    await pool.close()


async def test_a_child_that_died_while_idle_is_not_handed_out(spawner: Spawner) -> None:
    pool = Pool(spawner, f"{ENTRIES}:obey", size=1)
    async with pool.child() as child:
        os.kill(child.pid, signal.SIGKILL)
        await asyncio.sleep(0.2)
    async with pool.child() as child:
        assert await asked(child, "allocate 1") == "1"
    await pool.close()


async def test_a_fork_server_that_died_is_started_again(spawner: Spawner) -> None:
    others = set(descendants(os.getpid()))
    pool = Pool(spawner, f"{ENTRIES}:echo")
    async with pool.child() as child:
        first = child.pid
    (server,) = set(descendants(os.getpid())) - others - {first}
    os.kill(server, signal.SIGKILL)
    await asyncio.sleep(0.3)
    async with pool.child() as child:
        assert "again" in await asked(child, "again")
    await pool.close()


async def test_a_module_that_cannot_be_imported_is_named() -> None:
    spawner = Spawner(["stt_worker.no_such_module"])
    with pytest.raises(SpawnError, match="no_such_module"):
        await spawner.fork(f"{ENTRIES}:echo")
    await spawner.close()


def test_children_die_with_a_parent_that_is_killed() -> None:
    script = (
        "import asyncio, os\n"
        "from stt_worker.processes.spawner import Spawner\n"
        "async def main():\n"
        f"    spawner = Spawner([{ENTRIES!r}])\n"
        f"    child = await spawner.fork('{ENTRIES}:obey')\n"
        "    await child.send(b'spin')\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        parent.kill()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_parts_come_apart_as_they_were_joined() -> None:
    for parts in ([], [b""], [b"a", b"", b"bc" * 1000]):
        assert split(joined(parts)) == parts
    for broken in (b"", b"\0\0\0\2\0\0\0\1", joined([b"abc"])[:-1], b"\xff\xff\xff\xff"):
        with pytest.raises(FrameError):
            split(broken)
