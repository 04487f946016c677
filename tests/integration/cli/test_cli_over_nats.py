"""The real `stt` process asks a control service through a real nats-server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import pytest

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.port import Handler
from stt_shared.bus.values import Request, RequestError
from stt_shared.protocol.codec import encode
from stt_shared.protocol.control import RunReply, Verb
from stt_shared.protocol.event_subjects import finding_event
from stt_shared.protocol.findings import FindingsReply
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.queries.reports import RunsReply
from stt_shared.protocol.subjects import STREAMS, control, results_consumer
from tests.support.cli import samples
from tests.support.cli.service import Service
from tests.support.processes.commands import STT

DEADLINE_S = 60.0


@pytest.fixture
async def bus(nats_server: Running) -> AsyncGenerator[JetStreamBus]:
    found = await connect(NatsOptions(servers=(nats_url(nats_server),)))
    yield found
    await found.close()


def nats_url(server: Running) -> str:
    return f"nats://{server.host}:{server.port}"


def handlers(service: Service) -> Mapping[str, Handler]:
    async def ask(request: Request, subject: str) -> bytes:
        return service.answers[subject](request.data)

    def handler(subject: str) -> Handler:
        return lambda request: ask(request, subject)

    return {subject: handler(subject) for subject in service.answers}


async def start(server: Running, *words: str) -> Process:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    return await asyncio.create_subprocess_exec(
        STT,
        *words,
        env=environ | {"STT_NATS_URL": nats_url(server), "NO_COLOR": "1"},
        stdout=PIPE,
        stderr=PIPE,
    )


async def stt(server: Running, *words: str) -> tuple[int, str, list[str]]:
    """Exit code, stdout, and the lines of stderr."""
    process = await start(server, *words)
    async with asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode().splitlines()


async def test_a_refusal_keeps_its_code_and_sentence_over_the_wire(
    nats_server: Running, bus: JetStreamBus
) -> None:
    service = Service()
    service.answer(Verb.RUN, RequestError("unknown_target", "unknown target 'x'"))
    async with bus.serve(handlers(service)):
        code, out, err = await stt(nats_server, "run", "--target", "x")
    assert (code, out) == (2, "")
    assert err[:2] == ["error: unknown target 'x'", "  see: stt targets list"]


async def test_disabled_is_exit_5_over_the_wire(nats_server: Running, bus: JetStreamBus) -> None:
    service = Service()
    service.answer(Verb.RUN, RequestError("disabled", "checks are disabled"))
    service.answer(Verb.STATUS, samples.status(state=ControlState()))
    async with bus.serve(handlers(service)):
        code, _, err = await stt(nats_server, "run", "--wait")
    assert code == 5
    assert err[0] == "Checks are disabled (never enabled). No run was started."


async def test_a_pipe_of_findings_has_one_line_each(
    nats_server: Running, bus: JetStreamBus
) -> None:
    service = Service()
    service.answer(Verb.FINDINGS, FindingsReply(findings=(samples.finding(),) * 3, total=3))
    async with bus.serve(handlers(service)):
        code, out, err = await stt(nats_server, "findings", "list")
    assert (code, len(out.splitlines()), err) == (0, 4, [])


async def test_nobody_answering_on_a_nats_that_is_up_is_exit_4(nats_server: Running) -> None:
    code, _, err = await stt(nats_server, "status")
    assert code == 4
    assert err[0].startswith(f"error: no coordinator answers on NATS at {nats_url(nats_server)}")


async def test_changes_are_heard_live_until_ctrl_c(nats_server: Running, bus: JetStreamBus) -> None:
    event = samples.changes()[0]
    process = await start(nats_server, "findings", "watch", "-o", "jsonl")
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(DEADLINE_S):
        assert (await process.stderr.readline()).startswith(b"Watching")
        await bus.send(finding_event(event), encode(event))
        line = await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert json.loads(line)["after"]["target"] == "orders-mysql-3"
    assert process.returncode == 130
    assert err.decode().splitlines()[-1] == "exit 130: interrupted"


async def test_ctrl_c_while_a_run_is_followed_leaves_the_run_alone(
    nats_server: Running, bus: JetStreamBus
) -> None:
    asked = asyncio.Event()
    running = samples.run(state="running", run_id="r1")
    service = Service()
    service.answer(Verb.RUN, RunReply(run=running))

    async def runs(_: Request) -> bytes:
        asked.set()
        return encode(RunsReply(runs=(running,)))

    async with bus.serve({**handlers(service), control(Verb.RUNS): runs}):
        process = await start(nats_server, "run", "--wait")
        async with asyncio.timeout(DEADLINE_S):
            await asked.wait()
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
    assert process.returncode == 130
    assert "Run r1 continues: stt runs show r1" in err.decode()


async def test_the_doctor_sees_server_streams_coordinator_and_workers(
    nats_server: Running, bus: JetStreamBus
) -> None:
    await bus.ensure(STREAMS, [results_consumer(1)])
    service = Service()
    service.answer(Verb.STATUS, samples.status())
    async with bus.serve(handlers(service)):
        code, out, _ = await stt(nats_server, "doctor", "-o", "json")
    lines = {line["what"]: line for line in json.loads(out)}
    assert code == 3
    for what in ("NATS", "NATS version", "clock", "JetStream", "STT_JOBS", "coordinator"):
        assert lines[what]["level"] == "ok", lines[what]
    assert lines["NATS sync to disk"]["level"] == "warn"
    assert lines["workers"]["level"] == "warn"
    # This coordinator is older than all verbs but `status`.
    assert lines["NATS access"]["level"] == "fail"
    assert "stt.v1.control.enable (503)" in lines["NATS access"]["seen"]
    assert lines["store"]["seen"].startswith("unknown: the coordinator does not report")


@pytest.mark.parametrize(("sync_always", "level"), [(True, "ok"), (False, "warn")])
async def test_the_doctor_reads_from_the_monitoring_whether_messages_reach_the_disk(
    tmp_path: Path, level: str, *, sync_always: bool
) -> None:
    monitor = free_port()
    extra = f'http: "127.0.0.1:{monitor}"'
    server = embedded_nats.start(tmp_path / "nats", sync_always=sync_always, extra=extra)
    try:
        url = f"http://127.0.0.1:{monitor}/"
        _, out, _ = await stt(server, "doctor", "--nats-monitor-url", url, "-o", "json")
    finally:
        server.stop()
    lines = {line["what"]: line for line in json.loads(out)}
    assert lines["NATS sync to disk"]["level"] == level
