"""`stt doctor`: looks at the installation itself, part by part, and says what to do."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import platform
import urllib.request
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from stt_shared import clock
from stt_shared.bus.port import Bus, RequestError
from stt_shared.cli import client, output, version
from stt_shared.cli.commands import TOOL, add_command
from stt_shared.cli.control import Control
from stt_shared.cli.diagnosis import coordinator, files, server, streams
from stt_shared.cli.diagnosis.line import Level, Line, amounts, ok, verdict
from stt_shared.cli.options import Connection, Output, load_settings
from stt_shared.cli.output import OutputFormat
from stt_shared.errors import EXIT_UNREACHABLE, SttError, UnreachableError
from stt_shared.protocol.control import Empty, StatusReply, Verb
from stt_shared.protocol.health import HealthReply
from stt_shared.protocol.subjects import STREAM_JOBS, STREAM_RESULTS, STREAMS
from stt_shared.report.theme import clean
from stt_shared.settings import Settings

MONITOR_TIMEOUT_S = 5.0
HEALTH_S = 30.0  # the coordinator reads its whole store
CONSUMED = (STREAM_RESULTS, STREAM_JOBS)
LEVEL_WIDTH, LABEL_WIDTH = 5, 18
MAX_MONITOR_BYTES = 4 * 1024 * 1024
_OBJECT = msgspec.json.Decoder(dict[str, Any])

MonitorUrl = Annotated[
    str | None,
    Parameter(help="Monitoring address of nats-server, e.g. http://127.0.0.1:8222."),
]


def add(app: App) -> None:
    """Add `doctor` to `app`."""
    add_command(
        app,
        doctor,
        name="doctor",
        access="ro",
        summary="Look at the tool itself: NATS, streams, coordinator, store, workers, clocks",
        examples=("stt doctor", "stt doctor --nats-monitor-url http://127.0.0.1:8222 -o json"),
        group=TOOL,
    )


async def doctor(
    *,
    nats_monitor_url: MonitorUrl = None,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> int:
    """Look at everything, one line each."""
    lines: list[Line] = []
    async for line in examine(connection or Connection(), nats_monitor_url):
        lines.append(line)
        if form is OutputFormat.TABLE:
            output.print_rich(*drawn(line))
        elif form is OutputFormat.JSONL:
            output.print_lines([line])
    if form is OutputFormat.JSON:
        output.print_message(lines, form)
    output.note(amounts(lines))
    code, why = verdict(lines)
    if code:
        output.print_exit(code, why)
    return code


def drawn(line: Line) -> list[RenderableType]:
    """A line for people: its level, what it is about, what was seen; below it what to do."""
    first = Text().append(f"{line.level:<{LEVEL_WIDTH}}", str(line.level))
    first.append(f"{line.what:<{LABEL_WIDTH}} ").append(clean(line.seen))
    todo = Padding(Text(f"to do: {line.todo}", "hint"), (0, 0, 0, LEVEL_WIDTH))
    return [first, todo] if line.todo else [first]


async def examine(connection: Connection, monitor_url: str | None) -> AsyncGenerator[Line]:
    """Each thing as it has been looked at; what depends on a failed one is left out."""
    yield ok("stt", f"{version.of(version.DISTRIBUTION)}, Python {platform.python_version()}")
    settings = load_settings(connection)
    yield _origins(settings)
    for line in files.private(settings, os.environ):
        yield line
    try:
        async with client.coordinator(connection) as control:
            yield ok("NATS", f"connected to {settings.nats.url}")
            yield server.transport(settings.nats)
            async for line in _server(control.bus, settings.nats.timeout_s, monitor_url):
                yield line
            for line in await _coordinator(control):
                yield line
    except UnreachableError as error:
        yield _unreachable("NATS", error)


def _origins(settings: Settings) -> Line:
    given = ", ".join(f"{name} from {origin}" for name, origin in settings.origins.items())
    return ok("settings", given or "all defaults")


def _unreachable(what: str, error: SttError) -> Line:
    return Line(
        level=Level.FAIL,
        what=what,
        seen=error.message,
        todo=error.hint.partition("\n")[0],
        exit_code=EXIT_UNREACHABLE,
    )


async def _server(bus: Bus, timeout_s: float, monitor_url: str | None) -> AsyncGenerator[Line]:
    who = await _ask(bus, "$SYS.REQ.USER.INFO", timeout_s) or {}
    about = who.get("server", {})
    yield server.nats_version(about)
    yield server.permissions(who.get("data"))
    yield server.clock_skew(_instant(about.get("time")), clock.now())
    varz = await _varz(monitor_url)
    yield server.sync_always(varz)
    for line in server.payload(varz):
        yield line
    account = await _ask(bus, "$JS.API.INFO", timeout_s)
    yield server.jetstream(account)
    if account is not None and "error" not in account:
        for line in await _streams(bus, timeout_s):
            yield line


async def _streams(bus: Bus, timeout_s: float) -> list[Line]:
    answers = [await _ask(bus, f"$JS.API.STREAM.INFO.{spec.name}", timeout_s) for spec in STREAMS]
    lines = streams.streams([answer or {} for answer in answers])
    found = [one for name in CONSUMED for one in await _consumers(bus, name, timeout_s)]
    return lines + streams.consumers(found, clock.now()) if found else lines


async def _consumers(bus: Bus, stream: str, timeout_s: float) -> list[dict[str, Any]]:
    """Every consumer of a stream; the server tells 256 at a time."""
    found: list[dict[str, Any]] = []
    while True:
        body = msgspec.json.encode({"offset": len(found)})
        page = await _ask(bus, f"$JS.API.CONSUMER.LIST.{stream}", timeout_s, body) or {}
        found += page.get("consumers") or []
        if not page.get("consumers") or len(found) >= int(page.get("total", 0)):
            return found


async def _coordinator(control: Control) -> list[Line]:
    patient = dataclasses.replace(control, timeout=max(control.timeout, HEALTH_S))
    try:
        reply = await control.ask(Verb.STATUS, Empty(), StatusReply)
        lines = coordinator.control(reply, clock.now())
        found = await patient.ask(Verb.HEALTH, Empty(), HealthReply)
        return lines + coordinator.health(found, reply, clock.now())
    except SttError as error:
        return [_unreachable("coordinator", error)]


async def _ask(
    bus: Bus, subject: str, timeout_s: float, body: bytes = b""
) -> dict[str, Any] | None:
    """The server's own answer as JSON, or None if it gives none."""
    try:
        return _OBJECT.decode(await bus.request(subject, body, timeout=timeout_s))
    except (UnreachableError, RequestError, msgspec.DecodeError):
        return None


def _instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


async def _varz(monitor_url: str | None) -> dict[str, Any] | None:
    if monitor_url is None:
        return None
    return await asyncio.to_thread(_read_varz, monitor_url.rstrip("/") + "/varz")


def _read_varz(url: str) -> dict[str, Any] | None:
    if not url.startswith(("http://", "https://")):
        return None
    try:
        with urllib.request.urlopen(url, timeout=MONITOR_TIMEOUT_S) as reply:  # noqa: S310  # checked above
            return _OBJECT.decode(reply.read(MAX_MONITOR_BYTES))
    except (OSError, msgspec.DecodeError):
        return None
