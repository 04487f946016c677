"""The commands that need neither half: everything that only asks, reads or explains."""

from __future__ import annotations

from cyclopts import App

from stt_cli.commands import (
    audit,
    authoring,
    config,
    doctor,
    exceptions,
    findings,
    grants,
    inventory,
    pack,
    releases,
    reports,
    runs,
    schema,
    status,
    version,
)

PARTS = (
    status,
    runs,
    findings,
    exceptions,
    audit,
    inventory,
    authoring,
    grants,
    pack,
    releases,
    reports,
    doctor,
    config,
    schema,
    version,
)


def add_builtin(app: App) -> None:
    """Add every command of shared to `app`."""
    for part in PARTS:
        part.add(app)
