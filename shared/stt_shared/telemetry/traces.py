"""The port of tracing: begin and end spans; without tracing these calls do nothing.

Each run is one trace. Its id and the id of its root span are derived from the id of the run, so
that every service joins the same trace, also after a restart. The header `traceparent` of W3C Trace
Context links spans across services.
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
    """A span that has started."""

    @property
    def traceparent(self) -> str:
        """The traceparent for child spans; empty without tracing."""
        ...

    def end(self, about: About = NOTHING) -> None:
        """End the span; `about` is added to its attributes."""
        ...


class Traces(Protocol):
    """The port of tracing. Attributes are ids, counts and names: never SQL, rows or secrets."""

    @property
    def on(self) -> bool:
        """Whether spans are sent."""
        ...

    def begin(
        self, name: str, about: About = NOTHING, *, parent: str = "", begun: datetime | None = None
    ) -> Span:
        """A span below the traceparent `parent`; if empty, below the current span of the task."""
        ...

    def span(
        self, name: str, about: About = NOTHING, *, parent: str = ""
    ) -> AbstractContextManager[Span]:
        """The current span of the task during the block, whose log lines have its `trace_id`."""
        ...

    def of_run(self, run_id: str) -> str:
        """The traceparent of the root span of a run."""
        ...

    def root(self, run_id: str, begun: datetime, ended: datetime, about: About) -> None:
        """Send the root span of a finished run. Idempotent: it always has the same id."""
        ...

    def close(self) -> None:
        """Send pending spans; blocks for a few seconds at most."""
        ...


class _NoSpan:
    traceparent = ""

    def end(self, about: About = NOTHING) -> None:
        pass


class NoTraces:
    """Tracing that does nothing."""

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


_current: list[Traces] = [NoTraces()]  # of the process, like the configuration of its logs


def get() -> Traces:
    """The tracing of this process."""
    return _current[0]


def install(traces: Traces) -> None:
    """Have this process send its spans to `traces`."""
    _current[0] = traces


def headers(traceparent: str) -> dict[str, str]:
    """The headers of a message that continues a trace; empty without tracing."""
    return {HEADER: traceparent} if traceparent else {}


def parent(given: Mapping[str, str], run_id: str) -> str:
    """The parent span of work for a run: that of its message, else the root of the run."""
    traces = get()
    return (given.get(HEADER) or traces.of_run(run_id)) if traces.on else ""


def ids(run_id: str) -> dict[str, str]:
    """The `trace_id` for log lines of a run; empty without tracing."""
    root = get().of_run(run_id)
    return {"trace_id": root.split("-")[1]} if root else {}
