"""Logs on stderr: words on a terminal, one JSON object a line elsewhere, never a secret."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
FORMATS = ("auto", "console", "json")
SECRET_KEYS = frozenset({"password", "secret", "token", "creds", "authorization"})
HIDDEN = "****"


def hide_secrets(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Replace the values of keys that name a secret."""
    for key in event.keys() & SECRET_KEYS:
        event[key] = HIDDEN
    return event


def configure(level: str, layout: str, stream: TextIO | None = None) -> None:
    """Send logs of `level` (a key of LEVELS) and above to `stream` (stderr) in `layout`."""
    out = sys.stderr if stream is None else stream
    as_words = layout == "console" or (layout == "auto" and out.isatty())
    structlog.configure(
        processors=[*_common(), *_ending(out, as_words=as_words)],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    # Libraries log through the standard module; only what they warn of belongs to an operator.
    logging.basicConfig(level=logging.WARNING, stream=out, force=True)
    logging.getLogger("nats").setLevel(logging.CRITICAL)


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        hide_secrets,
    ]


def _ending(out: TextIO, *, as_words: bool) -> list[Processor]:
    if as_words:
        # Both of structlog's own renderers would print the local variables of a trace: passwords.
        plain = structlog.dev.plain_traceback
        console = structlog.dev.ConsoleRenderer(
            colors=out.isatty(), timestamp_key="ts", exception_formatter=plain
        )
        return [console]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def logger(name: str, **context: Any) -> FilteringBoundLogger:
    """A logger that adds `part=name` and `context` to every line."""
    bound: FilteringBoundLogger = structlog.get_logger(part=name, **context)
    return bound
