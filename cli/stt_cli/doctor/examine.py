"""Diagnoses an installation part by part: files, nats-server, streams, coordinator, workers."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from stt_cli.doctor import (
    access,
    consumers,
    coordinator,
    diagnostic_line,
    files,
    nats_server,
    pack,
    rights,
    workers,
)
from stt_cli.doctor.asker import Asker
from stt_cli.doctor.diagnostic_line import DiagnosticLine, Level, Unknown
from stt_cli.doctor.rights import Needs, Part
from stt_shared import clock
from stt_shared.command import client
from stt_shared.command.control import Control, NobodyLeadsError
from stt_shared.command.options import Connection, load_settings
from stt_shared.command.tables import SecretUse, secret_uses
from stt_shared.distribution import installed_version
from stt_shared.errors import (
    EXIT_UNREACHABLE,
    ConfigError,
    NobodyAnswersError,
    SttError,
    UnreachableError,
)
from stt_shared.identity import token_of
from stt_shared.protocol.accounts import READING
from stt_shared.protocol.control import StatusReply, Verb
from stt_shared.protocol.queries.health import HealthReply
from stt_shared.redaction import hide_addresses
from stt_shared.settings import Settings, default_config_path

HEALTH_S = 20.0  # the coordinator reads its whole store, up to 3 s, and writes into it
AS_OPERATOR = "diagnose it as an operator: stt doctor --as operator"
FROM_COORDINATOR = (
    *coordinator.FROM_HEALTH,
    "pack",
    "release data",
    "workers",
    "targets",
    "sites",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is diagnosed: through which connection, as whom, and what counts as stuck."""

    connection: Connection
    monitor_url: str | None = None
    part: Part | None = None
    stuck: timedelta = consumers.STUCK


async def examine(scope: Scope) -> AsyncGenerator[DiagnosticLine]:
    """Each line as soon as it is known; lines that depend on a failed part are left out.

    Raises ConfigError for settings that cannot be loaded.
    """
    release = installed_version()
    yield diagnostic_line.ok("stt", f"{release}, Python {platform.python_version()}")
    settings = load_settings(scope.connection)
    origins = ", ".join(f"{name} from {origin}" for name, origin in settings.origins.items())
    yield diagnostic_line.ok("settings", origins or "all defaults")
    uses, found = _secrets(settings, scope.connection.config)
    for one in found:
        yield one
    try:
        async with client.coordinator(scope.connection) as control:
            url = hide_addresses(settings.nats.url)
            yield diagnostic_line.ok("NATS", f"connected to {url}")
            async for one in _connected(control, scope, settings, uses):
                yield one
    except UnreachableError as error:
        yield _unreachable("NATS", error)


def _unreachable(what: str, error: SttError) -> DiagnosticLine:
    return DiagnosticLine(
        level=Level.FAIL,
        what=what,
        seen=error.message,
        todo=error.hint.partition("\n")[0],
        exit_code=EXIT_UNREACHABLE,
    )


def _secrets(
    settings: Settings, config: Path | None
) -> tuple[tuple[SecretUse, ...], list[DiagnosticLine]]:
    """Where the targets' secrets are, and whether secrets are stored safely."""
    path = (config or default_config_path()).expanduser()
    uses: tuple[SecretUse, ...] = ()
    found: list[DiagnosticLine] = []
    try:
        uses = secret_uses(path) if path.exists() else ()
    except ConfigError as error:
        faults = error.faults or (error.message,)
        todo = f"stt config check --config {path}"
        found.append(
            diagnostic_line.fail("targets file", f"{len(faults)} faults: {faults[0]}", todo)
        )
    wanted = files.named_files(settings, path if path.exists() else None, os.environ, uses)
    found += files.lines(files.read_modes(wanted))
    found += files.environment(settings, uses)
    return uses, found or [files.nothing()]


async def _connected(
    control: Control, scope: Scope, settings: Settings, uses: tuple[SecretUse, ...]
) -> AsyncGenerator[DiagnosticLine]:
    asker = Asker(control.bus, settings.nats.timeout_s)
    part = scope.part or (Part.WORKER if uses else Part.OPERATOR)
    needs = _needs(part, settings, uses)
    async for one in nats_server.diagnose(asker, part, needs, scope.monitor_url):
        yield one
    if imports := access.crossings(part, settings, uses, settings.coordinator.subscribers):
        yield await access.works(control.bus, part, imports)
    # The coordinator names the consumers that should exist, so it is asked before they are.
    expected, lines = await _coordinator(control, asker, part)
    for one in await nats_server.diagnose_consumers(asker, expected, scope.stuck):
        yield one
    for one in lines:
        yield one


def _needs(part: Part, settings: Settings, uses: tuple[SecretUse, ...]) -> Needs:
    if part is Part.COORDINATOR:
        return rights.of_coordinator()
    if part in (Part.OPERATOR, Part.VIEWER):
        return rights.of_operator(Verb if part is Part.OPERATOR else READING)
    if part is Part.SUBSCRIBER:
        return rights.of_subscriber()
    own = settings.worker
    name = own.name or token_of(socket.gethostname(), "worker")
    return rights.of_worker(own.site, name, sorted({use.family for use in uses}))


async def _coordinator(
    control: Control, asker: Asker, part: Part
) -> tuple[tuple[str, ...], list[DiagnosticLine]]:
    """The names of the consumers it creates, and the lines about it, its pack and its workers."""
    try:
        status = await asker.ask_coordinator(control, Verb.STATUS, StatusReply)
    except NobodyAnswersError as error:
        if part in (Part.OPERATOR, Part.VIEWER, Part.COORDINATOR):
            unknown = Unknown(because="no coordinator answers", todo="start one: stt coordinator")
            return (), [_unreachable("coordinator", error), *unknown.lines(*FROM_COORDINATOR)]
        unknown = Unknown(because=f"a {part} does not ask the coordinator", todo=AS_OPERATOR)
        return (), unknown.lines("coordinator", *FROM_COORDINATOR)
    except NobodyLeadsError as error:
        unknown = Unknown(because="no coordinator leads", todo=error.hint.partition("\n")[0])
        return (), [_unreachable("coordinator", error), *unknown.lines(*FROM_COORDINATOR)]
    except SttError as error:
        unknown = Unknown(because="no coordinator answers", todo="start one: stt coordinator")
        return (), [_unreachable("coordinator", error), *unknown.lines(*FROM_COORDINATOR)]
    if isinstance(status, Unknown):
        return (), status.lines("coordinator", *FROM_COORDINATOR)
    patient = Control(bus=control.bus, url=control.url, timeout=max(control.timeout, HEALTH_S))
    health: HealthReply | Unknown
    try:
        health = await asker.ask_coordinator(patient, Verb.HEALTH, HealthReply)
    except SttError as error:
        because = f"the coordinator does not report its health ({error.message})"
        health = Unknown(because=because, todo="upgrade the coordinator first")
    now = clock.now()
    expected = () if isinstance(health, Unknown) else health.consumers
    return expected, [
        *coordinator.lines(status, health, now),
        *pack.lines(status, health, now),
        *workers.lines(status, health, now),
    ]
