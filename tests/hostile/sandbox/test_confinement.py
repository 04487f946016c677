"""A broken interpreter reaches nothing of the host, and a lost process no verdict of others."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import psutil
import pytest

from stt_worker.processes.spawner import Spawner
from stt_worker.sandbox import confinement
from stt_worker.sandbox.port import Broken, Returned
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.hostile.sandbox.confined import ACTS, GOOD
from tests.hostile.sandbox.scripts import GREEDY, LOOP
from tests.support.worker.scripts import runner, script

JOBS = 300
MEMORY_BYTES = 16 * 1024 * 1024
OTHERS: set[int] = set()


async def test_a_child_of_the_sandbox_is_refused_every_system_call_that_reaches_out() -> None:
    spawner = Spawner(["stt_worker.sandbox.child", "tests.hostile.sandbox.confined"])
    try:
        child = await spawner.fork("tests.hostile.sandbox.confined:try_all")
        unfiltered, ends = json.loads(await child.receive())
        await child.end()
    finally:
        await spawner.close()
    assert unfiltered == ""
    assert {name for name in ACTS if ends[name] not in ("EPERM", "EACCES")} == set()
    assert {ends[name] for name in GOOD} == {"done"}


def test_an_unknown_machine_type_is_reported_and_runs_without_a_filter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    assert confinement.confine() == "no list of system calls for linux on s390x"


@pytest.fixture(autouse=True)
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox that the tests of the library share may still be there."""
    monkeypatch.setattr(sys.modules[__name__], "OTHERS", {one.pid for one in forking()})


def forking() -> list[psutil.Process]:
    """The processes that fork the sandbox's children, without those of other tests."""
    return [
        one
        for one in psutil.Process().children()
        if one.pid not in OTHERS
        and one.status() != psutil.STATUS_ZOMBIE
        and any("stt_worker.sandbox.child" in word for word in one.cmdline())
    ]


def children() -> list[psutil.Process]:
    """The children of the sandbox."""
    return [two for one in forking() for two in one.children()]


async def test_a_child_that_somebody_kills_is_replaced_and_no_verdict_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # On a busy machine the long script would else go to the child for slow scripts.
    monkeypatch.setattr("stt_worker.sandbox.starlark.QUICK_S", 5.0)
    sandbox = StarlarkSandbox(1)
    run = runner(sandbox)
    long = script("x = 0\nfor n in range(2000000):\n    x = (x + n) % 1000\nreturn x")
    scripts = [script("return 1"), long, script("return 2")]
    try:
        await run(scripts[:1])
        for _ in range(3):
            (child,) = [one for one in children() if one.status() != psutil.STATUS_ZOMBIE]
            job = asyncio.create_task(run(scripts))
            await asyncio.sleep(0.01)
            child.send_signal(signal.SIGKILL)
            values = [one.value for one in await job if isinstance(one, Returned)]
            assert values == [1, 0, 2]
    finally:
        await sandbox.close()


async def test_the_environment_of_the_worker_is_not_that_of_its_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STT_PASSWORD", "secret")
    monkeypatch.setenv("PGPASSWORD", "secret")
    sandbox = StarlarkSandbox(1)
    try:
        await runner(sandbox)([script("return 1")])
        for child in children():
            assert "secret" not in child.environ().values()
            assert child.num_fds() <= 5  # input, output and errors, the channel, the mark
    finally:
        await sandbox.close()


async def test_hundreds_of_jobs_leave_no_memory_no_process_and_no_descriptor() -> None:
    sandbox = StarlarkSandbox(1, script_s=1.0)
    run, here = runner(sandbox), psutil.Process()
    scripts = [script(f"return [docs[0][0], {number}]") for number in range(20)]
    docs = [[{"n": number, "text": "x" * 100} for number in range(500)]]
    killer = script(GREEDY["giant list"])
    try:
        for _ in range(30):
            await run(scripts, docs)
        (child,) = children()
        before = child.memory_info().rss, here.num_fds(), here.memory_info().rss
        for _ in range(JOBS):
            await run(scripts, docs)
        assert children() == [child]
        assert child.memory_info().rss < before[0] + MEMORY_BYTES
        for _ in range(JOBS // 10):
            verdicts = await run([*scripts, killer], docs)
            assert isinstance(verdicts[-1], Broken)
            assert isinstance(verdicts[0], Returned)
        assert here.num_fds() <= before[1] + 4  # the link and the mark of the slow lane
        assert here.memory_info().rss < before[2] + MEMORY_BYTES
        assert len(children()) <= 2
    finally:
        await sandbox.close()
    assert forking() == []


async def test_a_job_that_is_cancelled_leaves_no_runaway() -> None:
    sandbox = StarlarkSandbox(1)
    run = runner(sandbox)
    try:
        await run([script("return 1")])
        job = asyncio.create_task(run([script(LOOP)]))
        await asyncio.sleep(0.1)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert await run([script("return 2")]) == [Returned(value=2)]
        await asyncio.sleep(0.1)
        assert sum(one.cpu_percent(0.2) for one in children()) < 50
    finally:
        await sandbox.close()
    assert forking() == []
