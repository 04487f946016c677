"""The settings of logs and traces: what a service tells of its own work."""

from __future__ import annotations

from typing import Annotated

import msgspec


def _said(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is logged, and how."""

    level: Annotated[str, _said("debug, info, warning or error")] = "info"
    format: Annotated[str, _said("console, json, or auto: console on a terminal")] = "auto"


class TelemetrySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is told beside the logs."""

    traces: Annotated[
        bool, _said("send spans by OpenTelemetry; where to, OTEL_EXPORTER_OTLP_ENDPOINT says")
    ] = False
