"""What a coordinator has counted since it started: executions of checks and messages sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import Counter, Histogram, Metric
from prometheus_client.samples import Sample

from stt_coordinator.domain.intake.admission import CODES
from stt_coordinator.metrics.specs import BUCKETS_S, SPECS
from stt_shared.protocol.enums import Outcome
from stt_shared.protocol.messages import Result

EVENT_TOKEN, KIND_TOKEN = 2, 3  # of `stt.v1.event.finding.opened`
MS = 1_000.0


def _counter(name: str) -> Counter:
    return Counter(name, SPECS[name].help, SPECS[name].labels, registry=None)


class Counters:
    """Counts that only grow; a restart begins them again, as Prometheus expects."""

    def __init__(self) -> None:
        self._executions = _counter("stt_check_executions_total")
        spec = SPECS["stt_check_duration_seconds"]
        self._durations = Histogram(
            spec.name, spec.help, spec.labels, buckets=BUCKETS_S, registry=None
        )
        self._refused = _counter("stt_results_unused_total")
        for code in CODES:  # there from zero on: a rate needs a first value
            self._refused.labels(code)
        self._published = _counter("stt_events_published_total")
        self._failures = _counter("stt_event_publish_failures_total")
        counters = (self._refused, self._published, self._failures)
        self._all = (self._executions, self._durations, *counters)

    def record_results(self, results: Iterable[Result]) -> None:
        """Count the outcomes of results that were new."""
        for result in results:
            for outcome in result.outcomes:
                self._executions.labels(result.family, outcome.outcome).inc()
                seconds = max(outcome.duration_ms, 0.0) / MS
                self._durations.labels(result.family).observe(seconds)
            # Every end is there from zero on: a rate needs a first value.
            for end in Outcome if result.outcomes else ():
                self._executions.labels(result.family, end)

    def record_refusals(self, by_code: Mapping[str, int]) -> None:
        """Count results that changed nothing: by why they were refused, or as `repeated`."""
        for code, number in by_code.items():
            if number:
                self._refused.labels(code).inc(number)

    def record_publication(self, subject: str, *, stored: bool) -> None:
        """Count a message that NATS stored, or a failed try to publish it."""
        kind = kind_of(subject)
        published, failed = self._published.labels(kind), self._failures.labels(kind)
        (published if stored else failed).inc()

    def collect(self) -> Iterator[Metric]:
        """The metrics with every sample counted so far."""
        for one in self._all:
            for metric in one.collect():
                metric.samples = [
                    _named(sample)
                    for sample in metric.samples
                    if not sample.name.endswith("_created")  # no series of the closed set
                ]
                yield metric


def _named(sample: Sample) -> Sample:
    """With bounds of buckets as `1`, not `1.0`: `le` is part of the identity of a series."""
    bound = sample.labels.get("le")
    if bound is None or bound == "+Inf":
        return sample
    return sample._replace(labels={**sample.labels, "le": f"{float(bound):g}"})


def kind_of(subject: str) -> str:
    """What a subject is about: `finding`, `run`, `worker`, or `summary`."""
    tokens = subject.split(".")
    if tokens[EVENT_TOKEN] == "event" and len(tokens) > KIND_TOKEN:
        return tokens[KIND_TOKEN]
    return tokens[EVENT_TOKEN]
