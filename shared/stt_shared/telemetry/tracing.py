"""Turn tracing on for a service, if its libraries are installed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from stt_shared.errors import ConfigError
from stt_shared.telemetry import traces

EXTRA = "pip install 'security-threat-tool[tracing]'"


@asynccontextmanager
async def traced(service: str, *, wanted: bool) -> AsyncGenerator[None]:
    """Send spans of `service` during the block, if `wanted`.

    Raises ConfigError if the libraries of tracing are not installed.
    """
    if not wanted:
        yield
        return
    try:
        from stt_shared.telemetry.otlp import OtlpTraces  # noqa: PLC0415  # an extra of its own
    except ImportError as error:
        raise ConfigError(
            f"telemetry.traces is on, and {error.name} is not installed",
            hint=f"{EXTRA}, or turn telemetry.traces off",
        ) from error
    made = OtlpTraces(service)
    traces.install(made)
    try:
        yield
    finally:
        traces.install(traces.NoTraces())
        # In a thread: closing sends the last spans, and may wait for the collector.
        await asyncio.to_thread(made.close)
