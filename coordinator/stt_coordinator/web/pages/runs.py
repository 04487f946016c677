"""The pages of runs: the list, one run with its changes and progress, and starting a run."""

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
from stt_coordinator.web.chart import bars, series
from stt_coordinator.web.dependencies import Caller, Context
from stt_coordinator.web.login.authorization import OPERATORS
from stt_coordinator.web.pages.common import UNNAMED_USER, page, redirect
from stt_shared.protocol.control import RunRequest
from stt_shared.protocol.queries.history import TrendsRequest
from stt_shared.protocol.queries.reports import RunsRequest
from stt_shared.protocol.records import RunRecord

ROWS = 50
TREND_DAYS = 90
PROGRESS_S = 1.0  # between two events of a run
MAX_WATCH_S = 3_600  # then the browser connects again
Form = URLEncodedBody[dict[str, str]]


@get("/runs", include_in_schema=False)
async def runs(context: Context) -> Template:
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
        series=series(found.days),
        bars=bars(found.days),
    )


async def _run(context: Context, run_id: str) -> RunRecord:
    reply = await list_runs(context, RunsRequest(run_id=run_id))
    if not reply.runs:
        raise request_error(ErrorCode.UNKNOWN_RUN, f"unknown run {run_id!r:.100}")
    return reply.runs[0]


@get("/runs/{run_id:str}", include_in_schema=False)
async def run(context: Context, run_id: FromPath[str]) -> Template:
    """One run and its changes against the previous run."""
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
async def progress(context: Context, run_id: FromPath[str]) -> ServerSentEvent:
    """The run once a second until it has ended, as server-sent events."""
    await _run(context, run_id)
    return ServerSentEvent(_watched(context, run_id))


async def _watched(context: Context, run_id: str) -> AsyncGenerator[str]:
    # The limit: a browser tab that is left open would watch a lost run for ever.
    for _ in range(int(MAX_WATCH_S / PROGRESS_S)):
        found = await _run(context, run_id)
        yield msgspec.json.encode(found).decode()
        if found.state != "running":
            return
        await asyncio.sleep(PROGRESS_S)


@post("/runs", include_in_schema=False, opt=OPERATORS)
async def start(context: Context, actor: Caller, data: Form) -> Redirect:
    """Start a run of everything, or on one database of a check and those that count with it."""
    request = RunRequest(
        by=UNNAMED_USER,
        targets=(data["target"],) if data.get("target") else (),
        checks=tuple(data["check"].split(",")) if data.get("check") else (),
    )
    reply = await run_audited(context, actor, control_commands.run, request)
    return redirect(f"/runs/{reply.run.run_id}")


HANDLERS = [runs, run, progress, start]
