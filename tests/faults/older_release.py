"""The code of the release before leases and nonces, from the history, beside that of today.

`make older-release`; it needs the whole history of git. CI tries recorded messages instead.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import pytest

from stt_shared.errors import EXIT_USAGE
from stt_shared.protocol.control import Empty, RunReply, RunRequest, StatusReply, Verb
from tests.support.coordinator.coordination import ask, enable, finished, status, until
from tests.support.processes.coordinators import (
    Coordinators,
    connected,
    coordinators,
    exit_code,
    logged,
)
from tests.support.processes.epochs import only_the_last_epoch_wrote
from tests.support.processes.process import Process
from tests.support.processes.rivals import busy

RELEASE = os.environ.get("RELEASE") or "2be604a6^"  # the last commit before runs were numbered
ROOTS = ("shared", "worker", "coordinator", "cli", "checks")
TTL_S = 6.0
QUIET_S = 15.0  # in which the older coordinator tries again several times
WORKER = """
[worker]
name = "w1"
site = "eu"
state_dir = "{folder}/worker"

[[targets]]
id = "books"
family = "postgresql"
host = "127.0.0.1"
port = 1
user = "u"
password = "env:PW"
tls = "off"
"""


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the code of RELEASE."""
    folder = tmp_path_factory.mktemp("older")
    packed = subprocess.run(
        ["git", "archive", RELEASE, *ROOTS, "pyproject.toml"],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
    )
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def process(made: Coordinators, older: Path, name: str, *words: str, **more: str) -> Process:
    """A process of the older release; it is ended with the others."""
    found = Process(
        command=["-m", "stt_cli", *words],
        program=sys.executable,
        environment=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(str(older / root) for root in ROOTS),
            "STT_NATS_URL": made.broker.url,
            "STT_LOG_FORMAT": "json",
            "STT_WEB_LISTEN": "",
            "PW": "x",
        }
        | more,
        log=made.folder / f"{name}.log",
    )
    made.processes.append(found)
    return found


def command(made: Coordinators, older: Path, *words: str) -> subprocess.CompletedProcess[str]:
    one = process(made, older, "command", *words)
    made.processes.remove(one)
    return subprocess.run(
        [one.program, *one.command],
        env=one.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@asynccontextmanager
async def acting(folder: Path, *, require_nonce: str = "") -> AsyncGenerator[Coordinators]:
    """An installation whose coordinator `a` acts."""
    async with coordinators(folder, ttl_s=TTL_S) as made:
        first = made.add("a", "a")
        if require_nonce:
            first.environment = {**first.environment, "STT_RESULTS_REQUIRE_NONCE": require_nonce}
        first.start()
        await made.holds("a")
        await made.logged(first, "coordinator_started")
        yield made


@pytest.mark.parametrize("required", ["true", "false"])
async def test_an_older_worker_and_command_line_work_or_are_named(
    tmp_path: Path, older: Path, required: str
) -> None:
    async with (
        acting(tmp_path, require_nonce=required) as made,
        connected(made.broker) as bus,
    ):
        config = tmp_path / "worker.toml"
        config.write_text(WORKER.format(folder=tmp_path))
        worker = process(made, older, "worker", "worker", "--config", str(config))
        worker.start()
        sentence = f"their results are {'refused' if required == 'true' else 'accepted'}"

        async def is_named() -> bool:
            return any(sentence in one for one in (await status(bus)).degraded)

        await until(is_named)
        done = command(made, older, "enable", "--reason", "CHG-1")
        assert done.returncode == 0, done.stderr
        print(command(made, older, "status").stdout)
        reply = await ask(bus, Verb.RUN, RunRequest(by="test", targets=("books",)), RunReply)
        if required == "false":
            run = await finished(bus, reply.run.run_id)
            assert (run.done, run.unanswered) == (1, 0)
            shown = command(made, older, "runs", "list", "-o", "json")
            assert run.run_id in shown.stdout
        else:

            async def is_refused() -> bool:
                return any("no_nonce" in one for one in (await status(bus)).degraded)

            await until(is_refused)
        print(*(await status(bus)).degraded, sep="\n")


async def test_an_older_coordinator_beside_a_newer_one_waits_and_never_acts(
    tmp_path: Path, older: Path
) -> None:
    async with acting(tmp_path) as made, connected(made.broker) as bus:
        folder = str(tmp_path / "older")
        one = process(made, older, "older", "coordinator", STT_COORDINATOR_STATE_DIR=folder)
        one.start()
        async with busy(bus) as worker:
            waits = await made.logged(one, "start_delayed")
            print(waits["reason"])
            epoch, before = await made.epoch(), len(worker.published)
            await asyncio.sleep(QUIET_S)
            await until(lambda: len(worker.published) > before)
            assert await made.epoch() == epoch
            reply = await ask(bus, Verb.STATUS, Empty(), StatusReply)
            assert reply.coordinator is not None
        assert {line["event"] for line in logged(one)} & {"coordinator_started"} == set()
        await only_the_last_epoch_wrote(made.servers, await made.epoch())


async def test_an_older_coordinator_refuses_the_store_of_this_release_in_one_sentence(
    tmp_path: Path, older: Path
) -> None:
    async with acting(tmp_path) as made:
        (first,) = made.processes
        assert first.stop() == 0
        folder = str(tmp_path / "a")
        one = process(made, older, "older", "coordinator", STT_COORDINATOR_STATE_DIR=folder)
        one.start()
        assert await exit_code(one) == EXIT_USAGE
        print(one.tail())
        assert "this program knows up to" in one.tail()


async def test_a_newer_coordinator_waits_until_the_older_one_is_stopped(
    tmp_path: Path, older: Path
) -> None:
    async with coordinators(tmp_path, ttl_s=TTL_S) as made, connected(made.broker) as bus:
        folder = str(tmp_path / "older")
        one = process(made, older, "older", "coordinator", STT_COORDINATOR_STATE_DIR=folder)
        one.start()
        await made.logged(one, "coordinator_started")
        newer = made.add("a", "a")
        newer.start()
        waits = await made.logged(newer, "standby_waits")
        assert waits["state"].endswith("a coordinator of an older release acts, stop it first")
        assert await made.record() is None
        assert one.stop() == 0
        await made.holds("a")
        await made.logged(newer, "coordinator_started")
        await enable(bus)
