"""Spans: one trace a run, by its name; of an error its kind alone; and off by default."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from stt_shared.errors import ConfigError
from stt_shared.telemetry import logs, traces
from stt_shared.telemetry.otlp import OtlpTraces
from stt_shared.telemetry.tracing import traced

RUN = "standard-20261123t160000z"
NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


class Tracing:
    """The adapter, and what it would send."""

    def __init__(self) -> None:
        self.traces = OtlpTraces("test")
        self._kept = InMemorySpanExporter()
        self.traces._provider.add_span_processor(SimpleSpanProcessor(self._kept))

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._kept.get_finished_spans()}


@pytest.fixture
def tracing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracing]:
    # No socket: what a batch would send goes nowhere.
    monkeypatch.setattr("stt_shared.telemetry.otlp.OTLPSpanExporter", InMemorySpanExporter)
    made = Tracing()
    yield made
    made.traces.close()


def place(span: ReadableSpan) -> tuple[str, str, str]:
    above = format(span.parent.span_id, "016x") if span.parent else ""
    assert span.context is not None
    return format(span.context.trace_id, "032x"), format(span.context.span_id, "016x"), above


def test_without_tracing_no_span_is_made_and_no_message_gets_a_header() -> None:
    off = traces.get()
    assert not off.on
    with off.span("execute") as span:
        assert traces.headers(span.traceparent) == {}
    assert off.begin("check", begun=NOW).traceparent == ""
    assert (off.of_run(RUN), traces.parent({traces.HEADER: "00-1-1-01"}, RUN)) == ("", "")
    assert traces.ids(RUN) == {}
    assert "opentelemetry" not in str(type(off))


def test_whoever_works_for_a_run_joins_its_trace_below_its_root(tracing: Tracing) -> None:
    with tracing.traces.span("plan", parent=tracing.traces.of_run(RUN)):
        pass
    ended = NOW + timedelta(seconds=3)
    tracing.traces.root(RUN, NOW, ended, {"jobs": 2})
    tracing.traces.root(RUN, NOW, ended, {"jobs": 2})
    plan, root = place(tracing.spans["plan"]), place(tracing.spans["run"])
    assert plan[0] == root[0]
    assert (plan[2], root[2]) == (root[1], "")
    _, trace_id, span_id, flags = tracing.traces.of_run(RUN).split("-")
    assert ((trace_id, span_id), flags) == (root[:2], "01")
    again = {place(span) for span in tracing._kept.get_finished_spans() if span.name == "run"}
    assert again == {root}
    run = tracing.spans["run"]
    assert run.start_time is not None
    assert run.end_time is not None
    assert run.end_time - run.start_time == 3_000_000_000
    assert run.attributes == {"stt.run": RUN, "stt.jobs": 2}


def test_runs_and_installations_have_traces_of_their_own(
    tracing: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=plant-2")
    other = Tracing()
    found = {
        tracing.traces.of_run(RUN),
        tracing.traces.of_run(f"{RUN}-2"),
        other.traces.of_run(RUN),
    }
    assert len({one.split("-")[1] for one in found}) == 3
    other.traces.close()


def test_a_sampler_decides_for_the_whole_trace_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stt_shared.telemetry.otlp.OTLPSpanExporter", InMemorySpanExporter)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    off = Tracing()
    assert off.traces.of_run(RUN).endswith("-00")
    with off.traces.span("plan", parent=off.traces.of_run(RUN)) as span:
        assert span.traceparent.endswith("-00")
    off.traces.root(RUN, NOW, NOW, {})
    assert off.spans == {}
    off.traces.close()


def test_a_span_goes_on_where_a_message_says_and_its_lines_carry_the_trace(
    tracing: Tracing,
) -> None:
    traces.install(tracing.traces)
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    try:
        job = tracing.traces.begin("job", parent=tracing.traces.of_run(RUN))
        headers = traces.headers(job.traceparent)
        job.end({"publication": "stored"})
        with tracing.traces.span("execute", parent=traces.parent(headers, RUN)):
            logs.logger("x").info("inner")
            tracing.traces.begin("check", {"check": "c1"}, begun=NOW).end()
        logs.logger("x").info("after")
    finally:
        traces.install(traces.NoTraces())
    spans = {name: place(span) for name, span in tracing.spans.items()}
    assert spans["execute"][2] == spans["job"][1]
    assert spans["check"][2] == spans["execute"][1]
    inner, after = (json.loads(line) for line in stream.getvalue().splitlines())
    assert inner["trace_id"] == spans["job"][0] == tracing.traces.of_run(RUN).split("-")[1]
    assert "trace_id" not in after


def test_a_span_has_the_kind_of_an_error_and_not_its_message(tracing: Tracing) -> None:
    with pytest.raises(ValueError, match="hunter2"), tracing.traces.span("execute"):
        raise ValueError("SELECT 'hunter2'")
    span = tracing.spans["execute"]
    assert (span.status.description, span.events) == ("ValueError", ())
    assert "hunter2" not in span.to_json()


async def test_tracing_lasts_as_long_as_its_service_and_only_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stt_shared.telemetry.otlp.OTLPSpanExporter", InMemorySpanExporter)
    async with traced("stt-worker", wanted=False):
        assert not traces.get().on
    async with traced("stt-worker", wanted=True):
        assert traces.get().on
    assert not traces.get().on


async def test_wanted_and_not_installed_is_one_error_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "stt_shared.telemetry.otlp")
    for name in [one for one in sys.modules if one.split(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigError, match="traces is on, and opentelemetry is not inst") as wrong:
        async with traced("stt-worker", wanted=True):
            pass
    assert (
        wrong.value.hint
        == "pip install 'security-threat-tool[tracing]', or turn telemetry.traces off"
    )
    async with traced("stt-worker", wanted=False):
        pass
