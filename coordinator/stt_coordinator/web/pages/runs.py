"""The runs: the newest, one with what it changed, its progress as it goes, and a new one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, ServerSentEvent, Template

from stt_coordinator.control import control_commands
from stt_coordinator.control.audited_commands import run_audited
from stt_coordinator.control.handler_context import ErrorCode, request_error
from stt_coordinator.control.queries.changes import kept_since
from stt_coordinator.control.queries.runs import list_runs
from stt_coordinator.control.queries.trends import read_trends
from stt_coordinator.control.views.overview import worst_first
from stt_coordinator.control.views.page_parts import changes_of_run
from stt_coordinator.web.chart import bars, lines
from stt_coordinator.web.dependencies import Acting, Given
from stt_coordinator.web.login.authorization import OPERATORS
from stt_coordinator.web.pages.common import SOMEBODY, page, see
from stt_shared.protocol.control import RunRequest
from stt_shared.protocol.history import TrendsRequest
from stt_shared.protocol.records import RunRecord
from stt_shared.protocol.reports import RunsRequest

ROWS = 50
TREND_DAYS = 90
PROGRESS_S = 1.0  # between two looks at a run that is watched
MAX_WATCH_S = 3_600  # then the browser asks again
Form = URLEncodedBody[dict[str, str]]


@get("/runs", include_in_schema=False)
async def runs(context: Given) -> Template:
    """The newest runs."""
    reply = await list_runs(context, RunsRequest(limit=ROWS))
    found = await read_trends(context, TrendsRequest(days=TREND_DAYS))
    return page(
        context,
        "runs.html",
        title="Runs",
        at="/runs",
        found=reply.runs,
        trends=found,
        lines=lines(found.days),
        bars=bars(found.days),
    )


async def _run(context: Given, run_id: str) -> RunRecord:
    reply = await list_runs(context, RunsRequest(run_id=run_id))
    if not reply.runs:
        raise request_error(ErrorCode.UNKNOWN_RUN, f"unknown run {run_id!r:.100}")
    return reply.runs[0]


@get("/runs/{run_id:str}", include_in_schema=False)
async def run(context: Given, run_id: FromPath[str]) -> Template:
    """One run and what it changed against the one before."""
    found = await _run(context, run_id)
    return page(
        context,
        "run.html",
        title=f"Run {run_id}",
        at="/runs",
        run=found,
        changed=worst_first(await changes_of_run(context, found)),
        is_kept=kept_since(context, found.started or found.slot) is None,
    )


@get("/runs/{run_id:str}/events", include_in_schema=False)
async def progress(context: Given, run_id: FromPath[str]) -> ServerSentEvent:
    """The run again and again until it is over."""
    await _run(context, run_id)
    return ServerSentEvent(_watched(context, run_id))


async def _watched(context: Given, run_id: str) -> AsyncGenerator[str]:
    for _ in range(int(MAX_WATCH_S / PROGRESS_S)):
        found = await _run(context, run_id)
        yield msgspec.json.encode(found).decode()
        if found.state != "running":
            return
        await asyncio.sleep(PROGRESS_S)


@post("/runs", include_in_schema=False, opt=OPERATORS)
async def start(context: Given, actor: Acting, data: Form) -> Redirect:
    """Check everything now, or one check on one database."""
    request = RunRequest(
        by=SOMEBODY,
        targets=(data["target"],) if data.get("target") else (),
        checks=(data["check"],) if data.get("check") else (),
    )
    reply = await run_audited(context, actor, control_commands.run, request)
    return see(f"/runs/{reply.run.run_id}")


HANDLERS = [runs, run, progress, start]
