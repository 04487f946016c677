"""The pages that are rendered from the code and from recorded data alone, and by which function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from stt_shared.checkfile.catalogue import builtin
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.formats.render import render
from tools import log_events
from tools.pages import (
    config_schema,
    events,
    library,
    messages,
    metrics,
    protocol,
    reports,
    settings,
)

ROOT = Path(__file__).parents[2]
PAGES: Mapping[str, Callable[[], str]] = {
    "checks/README.md": lambda: library.render(builtin()),
    "docs/config.schema.json": config_schema.render,
    "docs/events.md": events.page,
    "docs/log-events.md": log_events.page,
    "docs/messages.md": messages.render,
    "docs/metrics.md": metrics.render,
    "docs/protocol.md": protocol.render,
    "docs/reports.md": reports.page,
    "docs/reports/report.html": lambda: render(reports.context(), ReportFormat.HTML),
    "docs/settings.md": settings.render,
}
