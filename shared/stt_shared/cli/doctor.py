"""`stt doctor`: looks at the installation itself, part by part, and says what to do."""

from __future__ import annotations

import asyncio
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
from stt_shared.cli import client, diagnosis, output, version
from stt_shared.cli.commands import TOOL, add_command
from stt_shared.cli.control import Control
from stt_shared.cli.diagnosis import Level, Line
from stt_shared.cli.options import Connection, Output, load_settings
from stt_shared.cli.output import OutputFormat
from stt_shared.errors import EXIT_UNREACHABLE, SttError, UnreachableError
from stt_shared.protocol.control import Empty, StatusReply, Verb
from stt_shared.protocol.subjects import STREAMS
from stt_shared.report.theme import clean
from stt_shared.settings import Settings

MONITOR_TIMEOUT_S = 5.0
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
        summary="Look at the tool itself: NATS, streams, coordinator, workers, clocks",
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
    output.note(diagnosis.amounts(lines))
    code, why = diagnosis.verdict(lines)
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
    yield diagnosis.ok(
        "stt", f"{version.of(version.DISTRIBUTION)}, Python {platform.python_version()}"
    )
    settings = load_settings(connection)
    yield _origins(settings)
    try:
        async with client.coordinator(connection) as control:
            yield diagnosis.ok("NATS", f"connected to {settings.nats.url}")
            async for line in _server(control.bus, settings.nats.timeout_s, monitor_url):
                yield line
            for line in await _coordinator(control):
                yield line
    except UnreachableError as error:
        yield _unreachable("NATS", error)


def _origins(settings: Settings) -> Line:
    given = ", ".join(f"{name} from {origin}" for name, origin in settings.origins.items())
    return diagnosis.ok("settings", given or "all defaults")


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
    server = who.get("server", {})
    yield diagnosis.nats_version(server)
    yield diagnosis.clock_skew(_instant(server.get("time")), clock.now())
    yield diagnosis.sync_always(await _varz(monitor_url))
    account = await _ask(bus, "$JS.API.INFO", timeout_s)
    yield diagnosis.jetstream(account)
    if account is not None and "error" not in account:
        answers = [
            await _ask(bus, f"$JS.API.STREAM.INFO.{spec.name}", timeout_s) for spec in STREAMS
        ]
        for line in diagnosis.streams([answer or {} for answer in answers]):
            yield line


async def _coordinator(control: Control) -> list[Line]:
    try:
        reply = await control.ask(Verb.STATUS, Empty(), StatusReply)
    except SttError as error:
        return [_unreachable("coordinator", error)]
    return diagnosis.control(reply, clock.now())


async def _ask(bus: Bus, subject: str, timeout_s: float) -> dict[str, Any] | None:
    """The server's own answer as JSON, or None if it gives none."""
    try:
        return _OBJECT.decode(await bus.request(subject, b"", timeout=timeout_s))
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
