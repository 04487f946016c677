"""The subscriber of the examples beside a real NATS, coordinator, worker and PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nats
import pytest
from nats.js.errors import NotFoundError

from stt_coordinator.local.servers import postgresql as server
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.subjects import STREAM_EVENTS
from tests.support.processes.standalone import TIMEOUT_S, Machine

SUBSCRIBER = Path(__file__).parents[2] / "examples" / "subscriber.py"
CHECK = "postgresql_super_role"


@contextmanager
def subscribed(machine: Machine, output: Path) -> Iterator[None]:
    """The example while it runs; what it prints goes to the end of `output`."""
    url = machine.environment["STT_NATS_URL"]
    with output.open("ab") as out:
        process = subprocess.Popen([sys.executable, SUBSCRIBER, url], stdout=out)
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait(TIMEOUT_S)


@contextmanager
def role(postgresql: Running, name: str) -> Iterator[None]:
    server.execute(postgresql, f"CREATE ROLE {name} SUPERUSER LOGIN")
    try:
        yield
    finally:
        server.execute(postgresql, f"DROP ROLE {name}")


async def listens(machine: Machine) -> bool:
    """Whether the broker delivers to the example."""
    client = await nats.connect(machine.environment["STT_NATS_URL"])
    try:
        info = await client.jetstream().consumer_info(STREAM_EVENTS, "events")
        return bool(info.num_waiting)
    except NotFoundError:
        return False
    finally:
        await client.close()


def looked(machine: Machine) -> None:
    machine.stt("run", "--check", CHECK, "--wait", "--fail-on", "none", "--allow-incomplete")


@pytest.fixture
def machine(tmp_path: Path, postgresql: Running) -> Machine:
    return Machine(tmp_path, postgresql)


def test_it_prints_each_new_critical_finding_and_those_it_missed(
    machine: Machine, postgresql: Running, tmp_path: Path
) -> None:
    output = tmp_path / "output"

    def has(name: str) -> bool:
        return any(json.loads(line)["object"] == name for line in output.read_text().splitlines())

    with machine.up():
        machine.stt("enable", "--reason", "test")
        machine.stt("severity", "set", CHECK, "critical", "--site", "default", "--reason", "test")
        with subscribed(machine, output), role(postgresql, "seen_first"):
            machine.until(lambda: asyncio.run(listens(machine)))
            looked(machine)
            machine.until(lambda: has("seen_first"))
        with role(postgresql, "seen_later"):
            looked(machine)
            with subscribed(machine, output):
                machine.until(lambda: has("seen_later"))
    findings = [json.loads(line) for line in output.read_text().splitlines()]
    assert {one["severity"] for one in findings} == {"critical"}
    assert len({one["id"] for one in findings}) == len(findings)
