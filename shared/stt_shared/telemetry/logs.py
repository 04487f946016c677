"""Logs on stderr: words on a terminal, one JSON object a line elsewhere, never a secret."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TextIO, TypeVar

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

T = TypeVar("T")
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
    handler = logging.StreamHandler(out)
    handler.setFormatter(_of_libraries(out, as_words=as_words))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("nats").setLevel(logging.CRITICAL)


@contextmanager
def bound(**ids: str) -> Generator[None]:
    """Every line of the block, and of the tasks that begin in it, carries `ids`.

    Tasks do not see what others bind. A task that works for several begins in an empty context, a
    thread that writes lines with `in_thread`.
    """
    tokens = structlog.contextvars.bind_contextvars(**ids)
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**tokens)


def in_thread(executor: Executor, work: Callable[..., T], *given: Any) -> asyncio.Future[T]:
    """`work` in a thread, whose lines carry what is bound here."""
    loop, here = asyncio.get_running_loop(), copy_context()
    return loop.run_in_executor(executor, lambda: here.run(work, *given))


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        hide_secrets,
    ]


def _of_libraries(out: TextIO, *, as_words: bool) -> logging.Formatter:
    """Lines of libraries look like ours; `part` is the name of their logger."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_part, *_common()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_ending(out, as_words=as_words),
        ],
    )


def _part(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    event["part"] = event["_record"].name
    return event


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
