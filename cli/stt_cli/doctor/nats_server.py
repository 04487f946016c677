"""Diagnoses nats-server and what it stores for us: connection, rights, streams, consumers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

from stt_cli.doctor import consumers, rights, server, streams
from stt_cli.doctor.asker import Asker
from stt_cli.doctor.consumers import ConsumerState
from stt_cli.doctor.diagnostic_line import DiagnosticLine
from stt_cli.doctor.rights import Needs, Part
from stt_cli.doctor.server import ServerAnswer
from stt_shared import clock
from stt_shared.protocol import subjects

MAX_CONSUMERS = 2_000


async def diagnose(
    asker: Asker, part: Part, needs: Needs, monitor_url: str | None
) -> AsyncGenerator[DiagnosticLine]:
    """The server, the rights of this user as `part`, JetStream and its streams."""
    user = await asker.ask(rights.USER_INFO)
    now = clock.now()
    # Before any other request: `asker` waits for no subject that this user may not use.
    asker.permissions = rights.permissions(user)
    info: ServerAnswer = user.get("server", {})
    yield server.version(info)
    peer = asker.bus.peer()
    yield server.transport(peer, now)
    yield server.payload(peer)
    yield server.clock_skew("clock", consumers.instant(info.get("time")), now, "the NATS server")
    yield rights.line(user, streams.reason_unanswered(user), part, needs)
    if (expiry := rights.credentials(user)) is not None:
        yield expiry
    varz, why = await asker.varz(monitor_url)
    yield server.sync_always(varz, why)
    account = await asker.ask("$JS.API.INFO")
    yield server.jetstream(account)
    if "error" in account:
        return
    yield server.room(account, varz)
    requests = [f"$JS.API.STREAM.INFO.{spec.name}" for spec in subjects.STREAMS]
    answers = await asyncio.gather(*map(asker.ask, requests))
    yield streams.replicas(answers, str(info.get("cluster", "")))
    for one in streams.streams(answers):
        yield one


async def diagnose_consumers(
    asker: Asker, expected: tuple[str, ...], stuck: timedelta
) -> list[DiagnosticLine]:
    """One line per durable consumer, and one for those of `expected` that are missing."""
    found: list[ConsumerState] = []
    for stream in (subjects.STREAM_RESULTS, subjects.STREAM_JOBS):
        infos, why = await _durable_consumers(asker, stream)
        if why:
            return [consumers.unlisted(why)]
        found += [
            ConsumerState(info=info, oldest=await _oldest_pending(asker, stream, info))
            for info in infos
        ]
    return consumers.consumers(found, expected, stuck)


async def _durable_consumers(asker: Asker, stream: str) -> tuple[list[dict[str, Any]], str]:
    """Every durable consumer of a stream, or the reason why they cannot be listed."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await asker.ask(f"$JS.API.CONSUMER.LIST.{stream}", {"offset": len(found)})
        if "unanswered" in answer:
            return [], streams.reason_unanswered(answer)
        page: list[dict[str, Any]] = answer.get("consumers") or []
        found += page
        # The limit, and the empty page: consumers may be deleted between two pages.
        if not page or len(found) >= min(answer.get("total", 0), MAX_CONSUMERS):
            return [info for info in found if info.get("config", {}).get("durable_name")], ""


async def _oldest_pending(asker: Asker, stream: str, info: ServerAnswer) -> Any:
    """When the oldest message not delivered yet was stored; None if there is none or no answer."""
    if not info.get("num_pending"):
        return None
    body = {
        "seq": info.get("delivered", {}).get("stream_seq", 0) + 1,
        "next_by_subj": info.get("config", {}).get("filter_subject") or ">",
    }
    answer = await asker.ask(f"$JS.API.STREAM.MSG.GET.{stream}", body)
    return consumers.instant(answer.get("message", {}).get("time"))
