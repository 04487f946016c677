"""Logs on stderr: text on a terminal, otherwise one JSON object a line; never a secret."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TextIO, TypeVar

import structlog
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor, WrappedLogger

from stt_shared.redaction import hide_text, hide_value

T = TypeVar("T")
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
FORMATS = ("auto", "console", "json")
OWN_KEYS = frozenset({"_record", "_from_structlog", "exc_info"})  # objects of the libraries


def hide_secrets(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Hide values of keys that name a secret, and secrets inside texts, at any depth."""
    own = {key: event[key] for key in event.keys() & OWN_KEYS}
    hidden: EventDict = hide_value({key: event[key] for key in event if key not in own})
    hidden.update(own)
    return hidden


def hide_in_trace(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Hide secrets inside a stack trace; it is a text only after its own processor."""
    if "exception" in event:
        event["exception"] = hide_text(str(event["exception"]))
    return event


def _plain_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    written = io.StringIO()
    structlog.dev.plain_traceback(written, exc_info)
    out.write(hide_text(written.getvalue()))


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
    # Libraries log through the standard module; an operator needs only their warnings.
    handler = logging.StreamHandler(out)
    # Their lines look like those of STT; `part` is the name of their logger.
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_part, *_common()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_ending(out, as_words=as_words),
        ],
    )
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    # Likewise of an error that follows from the one that its caller gets.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)


@contextmanager
def bound(**ids: str) -> Generator[None]:
    """Add `ids` to every line of the block, and of the tasks that start in it.

    Tasks do not see the ids of other tasks. A task that works for several runs starts in an empty
    context; a thread that logs starts with `in_thread`.
    """
    tokens = structlog.contextvars.bind_contextvars(**ids)
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**tokens)


def in_thread(executor: Executor, work: Callable[..., T], *given: Any) -> asyncio.Future[T]:
    """Run `work` in a thread whose log lines have the ids of this context."""
    loop, here = asyncio.get_running_loop(), copy_context()
    return loop.run_in_executor(executor, lambda: here.run(work, *given))


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        hide_secrets,
    ]


def _part(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    event["part"] = event["_record"].name
    return event


def _ending(out: TextIO, *, as_words: bool) -> list[Processor]:
    if as_words:
        # Both renderers of structlog would print the local variables of a stack trace: passwords.
        console = structlog.dev.ConsoleRenderer(
            colors=out.isatty(), timestamp_key="ts", exception_formatter=_plain_traceback
        )
        return [console]
    return [
        structlog.processors.format_exc_info,
        hide_in_trace,
        structlog.processors.JSONRenderer(),
    ]


def logger(name: str, **context: Any) -> FilteringBoundLogger:
    """A logger that adds `part=name` and `context` to every line."""
    bound: FilteringBoundLogger = structlog.get_logger(part=name, **context)
    return bound


_LOG = logger("tasks")


def log_crash(name: str, error: BaseException) -> None:
    """Log the unexpected end of a background task, as `lifecycle` hands it out."""
    _LOG.error("task_crashed", task=name, error=repr(error), exc_info=error)
