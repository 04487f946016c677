"""The commands that need neither half installed."""

from __future__ import annotations

from cyclopts import App

from stt_cli.commands import (
    audit,
    authoring,
    config,
    doctor,
    events,
    grants,
    inventory,
    nats_accounts,
    releases,
    runs,
    schema,
    status,
    version,
)
from stt_cli.commands.findings import commands as findings
from stt_cli.commands.pack import commands as pack
from stt_cli.commands.reports import commands as reports
from stt_cli.commands.suppressions import accept, exceptions

PARTS = (
    status,
    runs,
    findings,
    accept,
    exceptions,
    audit,
    events,
    inventory,
    authoring,
    grants,
    pack,
    releases,
    reports,
    doctor,
    nats_accounts,
    config,
    schema,
    version,
)


def add_builtin(app: App) -> None:
    """Add every command of the client to `app`."""
    for part in PARTS:
        part.add(app)
