"""Send spans by OpenTelemetry over OTLP/HTTP, configured by its variables OTEL_*."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from threading import Thread

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from stt_shared import clock, identity
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import bound
from stt_shared.telemetry.traces import NOTHING, About

CLOSE_S = 5.0  # to send pending spans: a missing collector must not delay the shutdown
TRACE_DIGITS, SPAN_DIGITS = 32, 16  # hexadecimal
PREFIX = "stt."
NAMESPACE = "service.namespace"
_CHOSEN: ContextVar[tuple[int, int] | None] = ContextVar("chosen", default=None)
_W3C = TraceContextTextMapPropagator()


class _Ids(RandomIdGenerator):
    """Random ids, except for the roots of runs."""

    def generate_trace_id(self) -> int:
        chosen = _CHOSEN.get()
        return chosen[0] if chosen else super().generate_trace_id()

    def generate_span_id(self) -> int:
        chosen = _CHOSEN.get()
        return chosen[1] if chosen else super().generate_span_id()


class OtlpSpan:
    """A span of OpenTelemetry; see the port."""

    def __init__(self, inner: trace.Span) -> None:
        self.inner = inner

    @property
    def traceparent(self) -> str:
        """See the port."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(self.inner, Context()))
        return carrier.get(traces.HEADER, "")

    def end(self, about: About = NOTHING) -> None:
        """See the port."""
        self.inner.set_attributes(_attributes(about))
        self.inner.end()


class OtlpTraces:
    """The spans of one service; see the port."""

    on = True

    def __init__(self, service: str) -> None:
        named = "OTEL_SERVICE_NAME" in os.environ
        self._provider = TracerProvider(
            resource=Resource.create({} if named else {"service.name": service}),
            id_generator=_Ids(),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("stt")

    def begin(
        self, name: str, about: About = NOTHING, *, parent: str = "", begun: datetime | None = None
    ) -> OtlpSpan:
        """See the port."""
        above = _W3C.extract({traces.HEADER: parent}, Context()) if parent else None
        at = clock.unix_nanoseconds(begun) if begun else None
        return OtlpSpan(
            self._tracer.start_span(name, above, attributes=_attributes(about), start_time=at)
        )

    @contextmanager
    def span(self, name: str, about: About = NOTHING, *, parent: str = "") -> Generator[OtlpSpan]:
        """See the port; raises what the block raises."""
        made = self.begin(name, about, parent=parent)
        trace_id = format(made.inner.get_span_context().trace_id, f"0{TRACE_DIGITS}x")
        # The message of an exception may contain data of a database: only its type is sent.
        with (
            trace.use_span(made.inner, record_exception=False, set_status_on_exception=False),
            bound(trace_id=trace_id),
        ):
            try:
                yield made
            except BaseException as error:
                made.inner.set_status(trace.StatusCode.ERROR, type(error).__name__)
                raise
            finally:
                made.end()

    def of_run(self, run_id: str) -> str:
        """See the port."""
        trace_id, span_id = self._ids_of(run_id)
        decided = self._provider.sampler.should_sample(None, trace_id, "run").decision
        flags = trace.TraceFlags.SAMPLED if decided is Decision.RECORD_AND_SAMPLE else 0
        return f"00-{trace_id:0{TRACE_DIGITS}x}-{span_id:0{SPAN_DIGITS}x}-{flags:02x}"

    def root(self, run_id: str, begun: datetime, ended: datetime, about: About) -> None:
        """See the port."""
        at, until = clock.unix_nanoseconds(begun), clock.unix_nanoseconds(ended)
        token = _CHOSEN.set(self._ids_of(run_id))
        try:
            span = self._tracer.start_span(
                "run", Context(), attributes=_attributes({"run": run_id, **about}), start_time=at
            )
        finally:
            _CHOSEN.reset(token)
        span.end(until)

    def close(self) -> None:
        """See the port."""
        ending = Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        # Not longer: the spans that are left are worth less than a clean stop.
        ending.join(CLOSE_S)

    def _ids_of(self, run_id: str) -> tuple[int, int]:
        # Two installations have runs with equal ids: the namespace separates them in a collector.
        namespace = self._provider.resource.attributes.get(NAMESPACE, "")
        digits = identity.digest(f"{namespace} {run_id}".encode())
        return int(digits[:TRACE_DIGITS], 16), int(digits[TRACE_DIGITS:][:SPAN_DIGITS], 16)


def _attributes(about: About) -> dict[str, str | int]:
    return {f"{PREFIX}{name}": value for name, value in about.items()}
