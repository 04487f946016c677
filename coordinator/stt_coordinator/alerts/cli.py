"""`stt alerts`: prints alerting rules for Prometheus, tests every channel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from stt_coordinator.alerts import rules as shipped
from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command, add_noun
from stt_shared.command.options import Connection, Output, load_settings
from stt_shared.command.output import OutputFormat
from stt_shared.errors import EXIT_UNREACHABLE, ConfigError
from stt_shared.report.grid import Cell, Column, Grid

COLUMNS = (Column("CHANNEL"), Column("ADDRESS"), Column("RESULT"), Column("ANSWER", whole=True))


def add(app: App) -> None:
    """Add the commands to `app`."""
    noun = add_noun(app, "alerts", "Alerting: rules for Prometheus, test of the channels", TOOL)
    add_command(
        noun,
        rules,
        name="rules",
        access="ro",
        summary="Print alerting rules for Prometheus",
        examples=("stt alerts rules > /etc/prometheus/rules/stt.yml",),
    )
    add_command(
        noun,
        try_out,
        name="test",
        access="rw",
        summary="Send a test message through every configured channel",
        examples=("stt alerts test --config /etc/stt/config.toml",),
    )


def rules() -> None:
    """Print the rules file."""
    output.print_text(shipped.text())


async def try_out(
    *,
    config: Annotated[Path | None, Parameter(help="The coordinator's file (TOML).")] = None,
    form: Output = OutputFormat.TABLE,
) -> int:
    """Test each channel; the exit code is 4 if one did not accept the message.

    Raises ConfigError without a configured channel.
    """
    from stt_coordinator.alerts.test_delivery import DeliveryResult, deliver_tests  # noqa: PLC0415  # as the services

    alerts = load_settings(Connection(config=config)).alerts
    found: list[DeliveryResult] = [one async for one in deliver_tests(alerts)]
    if not found:
        raise ConfigError(
            "no alert channel is configured",
            hint="set alerts.alertmanager, alerts.webhook or alerts.smtp, see docs/alerts.md",
        )
    if form is OutputFormat.TABLE:
        rows = [
            (one.channel, one.address, "ok" if one.taken else "FAILED", one.said) for one in found
        ]
        output.print_grid(Grid(COLUMNS, tuple(tuple(map(Cell, row)) for row in rows)))
    else:
        output.print_message(msgspec.to_builtins({"channels": found}), form)
    failed = sum(not one.taken for one in found)
    if not failed:
        return 0
    output.print_exit(
        EXIT_UNREACHABLE, f"{failed} of {len(found)} addresses did not accept the test"
    )
    return EXIT_UNREACHABLE
