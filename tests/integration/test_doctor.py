"""Each fault is made on a real server, and the doctor names it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.embedded import nats as embedded_nats
from stt_coordinator.embedded.process import Running
from stt_coordinator.store.sqlite import FILE, VERSION, open_store
from stt_coordinator.store.sqlite_health import look
from stt_shared import clock
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.port import Outgoing
from stt_shared.cli.diagnosis.line import Level, Line
from stt_shared.cli.doctor import examine
from stt_shared.cli.options import Connection
from stt_shared.protocol.subjects import STREAMS, aggregator
from tests.unit.coordination import FakeWorker, at_work, enable, finished, passed, running, until
from tests.unit.coordination import status as status_of

LIMITED = """
authorization: { users: [
  { user: "all", password: "p" }
  { user: "viewer", password: "p", permissions: {
    publish: { deny: ["stt.v1.control.enable", "stt.v1.control.disable"] }
    subscribe: { allow: ["_INBOX.>"] } } }
] }
"""


def url(server: Running) -> str:
    return f"nats://{server.host}:{server.port}"


@pytest.fixture
async def bus(nats_server: Running) -> AsyncGenerator[JetStreamBus]:
    found = await connect(NatsOptions(servers=(url(nats_server),)))
    yield found
    await found.close()


async def seen(server: Running) -> list[Line]:
    return [line async for line in examine(Connection(nats_url=url(server)), None)]


def of(lines: list[Line], what: str) -> Line:
    return next(line for line in lines if line.what == what)


async def test_a_stream_that_somebody_changed_is_named_with_its_setting(
    nats_server: Running, bus: JetStreamBus
) -> None:
    await bus.ensure(STREAMS, ())
    told = await bus.request("$JS.API.STREAM.INFO.STT_EVENTS", b"", timeout=5)
    config = json.loads(told)["config"] | {"max_age": 3600 * 10**9, "duplicate_window": 10**9}
    body = json.dumps(config).encode()
    await bus.request("$JS.API.STREAM.UPDATE.STT_EVENTS", body, timeout=5)
    line = of(await seen(nats_server), "STT_EVENTS")
    assert line.level is Level.WARN
    assert "max_age is 3600000000000, not 2592000000000000" in line.seen
    assert "duplicate_window is 1000000000, not 86400000000000" in line.seen


async def test_results_that_nobody_takes_are_told_once_they_wait_too_long(
    nats_server: Running, bus: JetStreamBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bus.ensure(STREAMS, [aggregator()])
    await bus.publish([Outgoing(subject="stt.v1.result.w1", data=b"{}")])
    line = of(await seen(nats_server), "consumers")
    assert (line.level, line.seen) == (Level.OK, "1 consumer, 1 message waiting")
    later = clock.now() + timedelta(minutes=11)
    monkeypatch.setattr(clock, "now", lambda: later)
    line = of(await seen(nats_server), "consumer aggregator")
    assert (line.level, line.seen) == (
        Level.FAIL,
        "STT_RESULTS: 1 waiting, 0 unanswered, nothing moved for 11 min",
    )


async def test_a_user_that_may_not_is_told_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = embedded_nats.start(tmp_path / "nats", extra=LIMITED)
    try:
        for user, level, words in (
            ("all", Level.OK, "all, account $G may ask and hear everything"),
            ("viewer", Level.WARN, "may not hear stt.v1.event.>, stt.v1.summary.>"),
        ):
            monkeypatch.setenv("STT_NATS_USER", user)
            monkeypatch.setenv("STT_NATS_PASSWORD", "p")
            lines = await seen(server)
            assert (of(lines, "permissions").level, words in of(lines, "permissions").seen) == (
                level,
                True,
            )
            assert of(lines, "secrets").seen == "nats.password stands in the environment"
    finally:
        server.stop()


async def test_of_a_real_coordinator_its_store_and_its_sites_are_looked_at(
    nats_server: Running, bus: JetStreamBus, tmp_path: Path
) -> None:
    store = await open_store(tmp_path)
    worker = FakeWorker(bus=bus, answer=lambda job: [passed(one.check) for one in job.checks])

    async def is_known() -> bool:
        await worker.announce()
        return bool((await status_of(bus)).summary.counts.targets)

    async with running(bus, store), at_work(worker):
        await until(is_known)
        await finished(bus, (await enable(bus)).run_id)
        lines = await seen(nats_server)
        assert [line for line in lines if line.level is Level.FAIL] == []
        assert of(lines, "store").seen.startswith(f"{tmp_path / FILE}, ")
        assert of(lines, "release data").seen.startswith("of 2026-11-01")
        await worker.announce(leaving=True)

        async def is_missed() -> bool:
            told = "site eu-west has 1 target and no worker that is up"
            return told in [line.seen for line in await seen(nats_server)]

        await until(is_missed)
    await store.close()


async def test_a_damaged_store_is_told(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await store.transact(
        lambda ledger: ledger.add_outgoing(
            [Outgoing(subject="s", data=bytes(4096)) for _ in range(9)]
        )
    )
    found = await store.health()
    assert (found.integrity, found.schema_version, found.known_version) == ("ok", VERSION, VERSION)
    assert found.free > 0
    await store.close()
    path = tmp_path / FILE
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'runs_in_order'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\\xff" * size)
    assert look(path, VERSION).integrity != "ok"
