"""`stt alerts`: rules for Prometheus."""

from __future__ import annotations

from cyclopts import App

from stt_coordinator.alerts import rules as shipped
from stt_shared.cli import output
from stt_shared.cli.commands import TOOL, add_command, add_noun


def add(app: App) -> None:
    """Add the commands to `app`."""
    noun = add_noun(app, "alerts", "Rules for Prometheus, and channels that alerts go to", TOOL)
    add_command(
        noun,
        rules,
        name="rules",
        access="ro",
        summary="Print alerting rules for Prometheus",
        examples=("stt alerts rules > /etc/prometheus/rules/stt.yml",),
    )


def rules() -> None:
    """Print the rules file."""
    output.print_text(shipped.text())
