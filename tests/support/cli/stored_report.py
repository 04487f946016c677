"""A coordinator that holds one report, as a run and as the state now."""

from __future__ import annotations

from stt_shared.protocol.codec import decode
from stt_shared.protocol.control import Verb
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.queries.reports import ReportReply, ReportRequest, RunsReply, RunsRequest
from stt_shared.report.model import Report
from tests.support.cli import samples
from tests.support.cli.service import Service

RUN = "standard-20261123t155700z"


OFF = ControlState(enabled=False, since=samples.NOW, by="ann")


def holds(service: Service, report: Report, **changes: object) -> None:
    """Have the coordinator know this report, as a run and as the state now."""
    reply = ReportReply(
        run_id=report.run_id,
        started=report.started,
        finished=report.finished,
        counts=report.summary,
        results=report.results,
        notice=report.notice,
    )
    service.answer(Verb.REPORT, reply)
    service.answer(Verb.STATUS, samples.status(**changes))
    running = samples.run(run_id="later", state="running", finished=None)
    service.compute(
        Verb.RUNS,
        RunsRequest,
        lambda asked: RunsReply(
            runs=tuple(one for one in (running, samples.run()) if asked.run_id in ("", one.run_id))
        ),
    )


def asked_run(service: Service) -> str:
    return decode(ReportRequest, service.asked[-1]).run_id
