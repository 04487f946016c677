"""Spans as the two halves begin and end them; without tracing each of these calls does nothing.

One trace a run: its id and that of its root follow from the run's, so whoever works for the run
joins the same trace, also after a restart. From service to service a span travels as the header
`traceparent` of W3C Trace Context.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

HEADER = "traceparent"
About = Mapping[str, str | int]  # attributes by name
NOTHING: About = MappingProxyType({})


class Span(Protocol):
    """A piece of work that has begun."""

    @property
    def traceparent(self) -> str:
        """Its place in its trace, for those that come after it; empty without tracing."""
        ...

    def end(self, about: About = NOTHING) -> None:
        """It is done; `about` is added to what was said at its beginning."""
        ...


class Traces(Protocol):
    """Where spans go. Attributes are ids, counts and words of ours: never SQL, rows or secrets."""

    @property
    def on(self) -> bool:
        """Whether anything comes of it."""
        ...

    def begin(
        self, name: str, about: About = NOTHING, *, parent: str = "", begun: datetime | None = None
    ) -> Span:
        """A span below `parent`, a traceparent; that of the task's own span where it is empty."""
        ...

    def span(
        self, name: str, about: About = NOTHING, *, parent: str = ""
    ) -> AbstractContextManager[Span]:
        """The task's own span while the block lasts; lines of the block carry its `trace_id`."""
        ...

    def of_run(self, run_id: str) -> str:
        """The traceparent of the root of a run's trace."""
        ...

    def root(self, run_id: str, begun: datetime, ended: datetime, about: About) -> None:
        """Tell of a run that is over; told twice it is the same span."""
        ...

    def close(self) -> None:
        """Send what waits, for a few seconds at most; blocks."""
        ...


class _NoSpan:
    traceparent = ""

    def end(self, about: About = NOTHING) -> None:
        pass


class NoTraces:
    """The twin that does nothing."""

    on = False
    _span = _NoSpan()

    def begin(
        self, name: str, about: About = NOTHING, *, parent: str = "", begun: datetime | None = None
    ) -> Span:
        """See the port."""
        del name, parent, begun, about
        return self._span

    def span(
        self, name: str, about: About = NOTHING, *, parent: str = ""
    ) -> AbstractContextManager[Span]:
        """See the port."""
        del name, parent, about
        return nullcontext(self._span)

    def of_run(self, run_id: str) -> str:
        """See the port."""
        del run_id
        return ""

    def root(self, run_id: str, begun: datetime, ended: datetime, about: About) -> None:
        """See the port."""

    def close(self) -> None:
        """See the port."""


_current: list[Traces] = [NoTraces()]  # of the process, as the configuration of its logs is


def get() -> Traces:
    """Where this process sends its spans."""
    return _current[0]


def install(traces: Traces) -> None:
    """Have this process send its spans to `traces`."""
    _current[0] = traces


def headers(traceparent: str) -> dict[str, str]:
    """The headers of a message that continues a trace; none without tracing."""
    return {HEADER: traceparent} if traceparent else {}


def parent(given: Mapping[str, str], run_id: str) -> str:
    """Where work for a run belongs: below what its message says, else below the run's root."""
    traces = get()
    return (given.get(HEADER) or traces.of_run(run_id)) if traces.on else ""


def ids(run_id: str) -> dict[str, str]:
    """What lines that are about a run carry: its `trace_id`; nothing without tracing."""
    root = get().of_run(run_id)
    return {"trace_id": root.split("-")[1]} if root else {}
