"""Logs and traces of an installation name the run, job, target and check they are about."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol.enums import Family
from tests.support.processes.collector import Collector, Span, collecting
from tests.support.processes.logging_processes import GONE, SITE, WORKER, installed

TARGETS = ("books", "orders", "stock")
ALL = (*TARGETS, GONE)
OF_JOBS = {"runner", "execution", "packs"}  # parts that work for one job at a time
IDS = ("run", "job", "target")
SERVICES = {
    "stt-coordinator": {"run", "plan", "job", "ingest"},
    "stt-worker": {"execute", "inspect", "check", "result", "publish"},
}
PARENTS = {
    "plan": "run",
    "job": "run",
    "execute": "job",
    "inspect": "execute",
    "check": "execute",
    "result": "execute",
    "publish": "execute",
    "ingest": "result",
}


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One run, and the telemetry of both services about it."""

    run: str
    worker: list[dict[str, Any]]
    coordinator: list[dict[str, Any]]
    collector: Collector
    password: str

    @property
    def spans(self) -> dict[str, Span]:
        return {span.id: span for span in self.collector.spans}

    def named(self, name: str) -> list[Span]:
        return [span for span in self.collector.spans if span.name == name]


@pytest.fixture(scope="module")
def telemetry(postgresql: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    folder = tmp_path_factory.mktemp("telemetry")
    with collecting() as collector:
        more = {
            "STT_TELEMETRY_TRACES": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",  # milliseconds
        }
        with installed(folder, postgresql, TARGETS, more) as site:
            run = site.run_once(len(ALL))
            site.wait_for(lambda: "run" in {span.name for span in collector.spans})
        worker, coordinator = site.lines("worker"), site.lines("coordinator")
        yield Telemetry(run, worker, coordinator, collector, postgresql.password)


def of_jobs(lines: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The lines that name a job, by job."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        if "job" in line:
            found[line["job"]].append(line)
    return found


def checks_of(target: str) -> list[str]:
    family = Family.MYSQL if target == GONE else Family.POSTGRESQL
    return sorted(check.name for check in builtin().of(family))


def test_each_line_of_a_worker_names_it_and_each_of_a_job_that_job_alone(
    telemetry: Telemetry,
) -> None:
    assert all((line["worker"], line["site"]) == (WORKER, SITE) for line in telemetry.worker)
    of_parts = [line for line in telemetry.worker if line["part"] in OF_JOBS]
    assert [line for line in of_parts if not line.keys() >= {*IDS}] == []
    jobs = of_jobs(telemetry.worker)
    assert jobs.keys() == {f"{telemetry.run}.{target}" for target in ALL}
    for job, lines in jobs.items():
        target = job.removeprefix(f"{telemetry.run}.")
        assert {tuple(line[name] for name in IDS) for line in lines} == {
            (telemetry.run, job, target)
        }
        shown = [line["event"] for line in lines]
        assert (shown[0], shown[-1]) == ("job_started", "result_recorded")
        assert sorted(line["check"] for line in lines if "check" in line) == checks_of(target)


def test_lines_of_the_coordinator_name_run_result_and_request_while_they_are_about_one(
    telemetry: Telemetry,
) -> None:
    lines = telemetry.coordinator
    taken = [line for line in lines if line["event"] == "result_recorded"]
    assert {(line["run"], line["job"], line["target"], line["worker"]) for line in taken} == {
        (telemetry.run, f"{telemetry.run}.{target}", target, WORKER) for target in ALL
    }
    assert [line["run"] for line in lines if line["part"] == "scheduler"] == [telemetry.run]
    (changed,) = [line for line in lines if line["event"] == "change_made"]
    assert (changed["verb"], changed["way"], changed["by"] != "") == ("enable", "cli", True)
    others = [
        line
        for line in lines
        if line["event"] in {"coordinator_started", "coordinator_stopped", "results_recorded"}
    ]
    assert not any(key in line for line in others for key in (*IDS, "verb"))


def test_a_run_is_one_trace_over_both_services_with_each_span_below_what_caused_it(
    telemetry: Telemetry,
) -> None:
    spans = telemetry.spans
    assert len({span.trace for span in spans.values()}) == 1
    (root,) = telemetry.named("run")
    assert (root.parent, root.about["run"]) == ("", telemetry.run)
    for service, names in SERVICES.items():
        assert {span.name for span in spans.values() if span.service == service} == names
    parents = {(span.name, spans[span.parent].name) for span in spans.values() if span.parent}
    assert parents == set(PARENTS.items())
    assert (len(telemetry.named("plan")), root.about["jobs"]) == (1, len(ALL))
    jobs = sorted(f"{telemetry.run}.{target}" for target in ALL)
    for name in ("job", "execute", "ingest"):
        assert sorted(str(span.about["job"]) for span in telemetry.named(name)) == jobs
    for span in telemetry.named("execute"):
        assert spans[span.parent].about["job"] == span.about["job"]
    for span in telemetry.named("ingest"):
        above = spans[spans[span.parent].parent]
        assert (above.name, above.about["job"]) == ("execute", span.about["job"])


def test_a_check_has_a_span_in_its_job_with_its_outcome(telemetry: Telemetry) -> None:
    for job in telemetry.named("execute"):
        checks = [span for span in telemetry.named("check") if span.parent == job.id]
        assert sorted(str(span.about["check"]) for span in checks) == checks_of(
            str(job.about["target"])
        )
        outcomes = Counter(str(span.about["outcome"]) for span in checks)
        wrong = str(job.about["target"]) == GONE
        assert (outcomes.keys() == {"error"}) is wrong


def test_lines_about_a_run_carry_the_id_of_its_trace(telemetry: Telemetry) -> None:
    (trace,) = {span.trace for span in telemetry.spans.values()}
    lines = [line for line in (*telemetry.worker, *telemetry.coordinator) if "job" in line]
    assert {line.get("trace_id") for line in lines} == {trace}
    others = [line for line in telemetry.worker if "job" not in line]
    assert not any("trace_id" in line for line in others)


def test_traces_hold_neither_sql_nor_secrets(telemetry: Telemetry) -> None:
    sent = b"".join(telemetry.collector.bodies)
    assert b"postgresql_" in sent
    for one in (b"SELECT", b"select ", b"pg_", telemetry.password.encode()):
        assert one not in sent
    texts = [str(line) for line in (*telemetry.worker, *telemetry.coordinator)]
    assert not any(telemetry.password in text for text in texts)
