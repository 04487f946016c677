"""Asks every part of an installation how it is: files, nats-server, streams, coordinator."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import socket
import urllib.request
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stt_cli.doctor import (
    consumers,
    coordinator,
    files,
    line,
    pack,
    rights,
    server,
    streams,
    workers,
)
from stt_cli.doctor.consumers import Seen
from stt_cli.doctor.line import Level, Line, Unknown
from stt_cli.doctor.rights import Needs, Part, Permissions
from stt_cli.doctor.server import Told
from stt_shared import clock
from stt_shared.bus.port import Bus, RequestError
from stt_shared.command import client
from stt_shared.command.control import Control
from stt_shared.command.options import Connection, load_settings
from stt_shared.command.tables import SecretUse, secret_uses
from stt_shared.distribution import installed_version
from stt_shared.errors import EXIT_UNREACHABLE, ConfigError, SttError, UnreachableError
from stt_shared.identity import token_of
from stt_shared.protocol import subjects
from stt_shared.protocol.control import Empty, StatusReply, Verb
from stt_shared.protocol.health import HealthReply
from stt_shared.protocol.messages import Value
from stt_shared.redaction import hide_addresses
from stt_shared.settings import NatsSettings, Settings, default_config_path

MONITOR_TIMEOUT_S = 5.0
MAX_MONITOR_BYTES = 4 * 1024 * 1024
HEALTH_S = 20.0  # the coordinator reads its whole store, up to 3 s, and writes into it
MAX_CONSUMERS = 2_000
OF_COORDINATOR = (*coordinator.UNTOLD, "pack", "release data", "workers", "targets", "sites")
R = TypeVar("R", bound=Value)
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_SYSTEM_VARZ = "$SYS.REQ.SERVER.PING.VARZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is looked at: through which connection, as whom, and what counts as stuck."""

    connection: Connection
    monitor_url: str | None = None
    part: Part | None = None
    stuck: timedelta = consumers.STUCK


async def examine(scope: Scope) -> AsyncGenerator[Line]:
    """Each thing as it has been looked at; what depends on a failed one is left out."""
    release = installed_version()
    yield line.ok("stt", f"{release}, Python {platform.python_version()}")
    settings = load_settings(scope.connection)
    yield _origins(settings)
    uses, found = _secrets(settings, scope.connection.config)
    for one in found:
        yield one
    try:
        async with client.coordinator(scope.connection) as control:
            yield line.ok("NATS", f"connected to {hide_addresses(settings.nats.url)}")
            async for one in _connected(control, scope, settings, uses):
                yield one
    except UnreachableError as error:
        yield _unreachable("NATS", error)


def _origins(settings: Settings) -> Line:
    given = ", ".join(f"{name} from {origin}" for name, origin in settings.origins.items())
    return line.ok("settings", given or "all defaults")


def _unreachable(what: str, error: SttError) -> Line:
    return Line(
        level=Level.FAIL,
        what=what,
        seen=error.message,
        todo=error.hint.partition("\n")[0],
        exit_code=EXIT_UNREACHABLE,
    )


def _secrets(settings: Settings, config: Path | None) -> tuple[tuple[SecretUse, ...], list[Line]]:
    """Where the secrets of the targets are, and whether secrets are kept as they should be."""
    path = config or default_config_path()
    path = path.expanduser()
    uses: tuple[SecretUse, ...] = ()
    found: list[Line] = []
    try:
        uses = secret_uses(path) if path.exists() else ()
    except ConfigError as error:
        amount = f"{len(error.faults) or 1} faults: {(error.faults or (error.message,))[0]}"
        found.append(line.fail("targets file", amount, f"stt config check --config {path}"))
    wanted = files.named_files(settings, path if path.exists() else None, os.environ, uses)
    found += files.lines(files.look(wanted))
    found += files.environment(settings, uses)
    return uses, found or [files.nothing()]


async def _connected(
    control: Control, scope: Scope, settings: Settings, uses: tuple[SecretUse, ...]
) -> AsyncGenerator[Line]:
    asker = Asker(control.bus, settings.nats.timeout_s)
    async for one in _server(asker, scope, settings, uses):
        yield one
    expected, lines = await _coordinator(control, asker)
    async for one in _consumers(asker, expected, scope.stuck):
        yield one
    for one in lines:
        yield one


class Asker:
    """Asks nats-server through its own subjects; what this user may not ask is not tried."""

    def __init__(self, bus: Bus, timeout_s: float) -> None:
        self.bus = bus
        self.timeout_s = timeout_s
        self.permissions: Permissions | None = None

    def refused(self, subject: str) -> str:
        """Why this user may not ask there; empty if it may, or if nobody knows."""
        if self.permissions is None or self.permissions.may("publish", subject):
            return ""
        return f"this user may not publish to {subject}"

    async def ask(self, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The server's answer; `unanswered` says why there is none."""
        # To ask nevertheless would wait for nothing: a refused message has no answer.
        if why := self.refused(subject):
            return {"unanswered": why}
        data = json.dumps(body).encode() if body else b""
        try:
            return _OBJECT.decode(await self.bus.request(subject, data, timeout=self.timeout_s))
        except (UnreachableError, RequestError, msgspec.DecodeError) as error:
            return {"unanswered": str(error)}


async def _server(
    asker: Asker, scope: Scope, settings: Settings, uses: tuple[SecretUse, ...]
) -> AsyncGenerator[Line]:
    who = await asker.ask(rights.WHO)
    heard = clock.now()
    asker.permissions = rights.permissions(who)
    told: Told = who.get("server", {})
    yield server.version(told)
    peer = asker.bus.peer()
    yield server.transport(peer, heard)
    yield server.payload(peer)
    there = consumers.instant(told.get("time"))
    yield server.clock_skew("clock", there, heard, "the NATS server")
    part = scope.part or (Part.WORKER if uses else Part.OPERATOR)
    yield rights.line(who, streams.why_not(who), part, _needs(part, settings, uses))
    if (ends := rights.credentials(who)) is not None:
        yield ends
    varz, why = await _varz(asker, scope.monitor_url, settings.nats)
    yield server.sync_always(varz, why)
    account = await asker.ask("$JS.API.INFO")
    yield server.jetstream(account)
    if "error" not in account:
        yield server.room(account, varz)
        async for one in _streams(asker, str(told.get("cluster", ""))):
            yield one


def _needs(part: Part, settings: Settings, uses: tuple[SecretUse, ...]) -> Needs:
    if part is Part.COORDINATOR:
        return rights.of_coordinator()
    if part is Part.OPERATOR:
        return rights.of_operator()
    own = settings.worker
    return rights.of_worker(
        own.site,
        own.name or token_of(socket.gethostname(), "worker"),
        sorted({use.family for use in uses}),
    )


async def _streams(asker: Asker, cluster: str) -> AsyncGenerator[Line]:
    asked = [f"$JS.API.STREAM.INFO.{spec.name}" for spec in subjects.STREAMS]
    answers = await asyncio.gather(*map(asker.ask, asked))
    yield streams.replicas(answers, cluster)
    for one in streams.streams(answers):
        yield one


async def _consumers(
    asker: Asker, expected: tuple[str, ...], stuck: timedelta
) -> AsyncGenerator[Line]:
    seen: list[Seen] = []
    for stream in (subjects.STREAM_RESULTS, subjects.STREAM_JOBS):
        infos, why = await _listed(asker, stream)
        if why:
            yield consumers.unknown(why)
            return
        seen += [Seen(info=info, oldest=await _oldest(asker, stream, info)) for info in infos]
    for one in consumers.consumers(seen, (consumers.AGGREGATOR, *expected), stuck):
        yield one


async def _listed(asker: Asker, stream: str) -> tuple[list[dict[str, Any]], str]:
    """Every durable consumer of a stream, or why that cannot be told; none without the stream."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await asker.ask(f"$JS.API.CONSUMER.LIST.{stream}", {"offset": len(found)})
        if "unanswered" in answer:
            return [], streams.why_not(answer)
        page: list[dict[str, Any]] = answer.get("consumers") or []
        found += page
        if not page or len(found) >= min(answer.get("total", 0), MAX_CONSUMERS):
            return [info for info in found if info.get("config", {}).get("durable_name")], ""


async def _oldest(asker: Asker, stream: str, info: Told) -> Any:
    """When the oldest message that was not handed out yet was stored; None if it is not told."""
    if not info.get("num_pending"):
        return None
    body = {
        "seq": info.get("delivered", {}).get("stream_seq", 0) + 1,
        "next_by_subj": info.get("config", {}).get("filter_subject") or ">",
    }
    answer = await asker.ask(f"$JS.API.STREAM.MSG.GET.{stream}", body)
    return consumers.instant(answer.get("message", {}).get("time"))


async def _coordinator(control: Control, asker: Asker) -> tuple[tuple[str, ...], list[Line]]:
    """The consumers it should have made, and the lines about it, its checks and its workers."""
    try:
        status = await _told(control, asker, Verb.STATUS, StatusReply)
    except SttError as error:
        unknown = Unknown(because="no coordinator answers", todo="start one: stt coordinator")
        return (), [_unreachable("coordinator", error), *unknown.lines(*OF_COORDINATOR)]
    if isinstance(status, Unknown):
        return (), status.lines("coordinator", *OF_COORDINATOR)
    patient = Control(bus=control.bus, url=control.url, timeout=max(control.timeout, HEALTH_S))
    health: HealthReply | Unknown
    try:
        health = await _told(patient, asker, Verb.HEALTH, HealthReply)
    except SttError as error:
        because = f"the coordinator does not tell its health ({error.message})"
        health = Unknown(because=because, todo="upgrade it: it comes before all others")
    now = clock.now()
    expected = () if isinstance(health, Unknown) else health.consumers
    return expected, [
        *coordinator.lines(status, health, now),
        *pack.lines(status, health, now),
        *workers.lines(status, health, now),
    ]


async def _told(control: Control, asker: Asker, verb: Verb, reply: type[R]) -> R | Unknown:
    """What the coordinator answers, or why this user is not asked to ask; raises SttError."""
    subject = subjects.control(verb)
    if why := asker.refused(subject):
        return Unknown(because=why, todo=f"allow this user to publish to {subject}")
    return await control.ask(verb, Empty(), reply)


async def _varz(
    asker: Asker, monitor_url: str | None, nats: NatsSettings
) -> tuple[dict[str, Any] | None, str]:
    """What the server says of its settings, or why it does not."""
    if monitor_url is not None:
        found = await asyncio.to_thread(_read_varz, monitor_url.rstrip("/") + "/varz")
        return found, "" if found else f"{monitor_url} does not answer with /varz"
    quick = Asker(asker.bus, min(1.0, nats.timeout_s))
    quick.permissions = asker.permissions
    found = (await quick.ask(_SYSTEM_VARZ)).get("data")
    return found, "only the monitoring address or a system account tells"


def _read_varz(url: str) -> dict[str, Any] | None:
    if not url.startswith(("http://", "https://")):
        return None
    try:
        with urllib.request.urlopen(url, timeout=MONITOR_TIMEOUT_S) as reply:  # noqa: S310  # checked above
            return _OBJECT.decode(reply.read(MAX_MONITOR_BYTES))
    except (OSError, msgspec.DecodeError):
        return None
