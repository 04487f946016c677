"""The addresses of `/api/v1` that compare runs and count findings per day."""

from __future__ import annotations

from typing import Annotated

from litestar import Response
from litestar.params import QueryParameter

from stt_coordinator.control.queries.diff import read_diff
from stt_coordinator.control.queries.trends import MAX_DAYS, read_trends
from stt_coordinator.web.api.openapi import query
from stt_coordinator.web.api.paging import paged
from stt_coordinator.web.api.queries import After, HttpRequest, Since, instant
from stt_coordinator.web.dependencies import Context
from stt_shared.protocol.queries.history import DiffReply, DiffRequest, TrendsReply, TrendsRequest

Run = Annotated[str, QueryParameter(max_length=200, description="The id of a run.")]
Days = Annotated[int, QueryParameter(ge=1, le=MAX_DAYS, description="Days, today included.")]


@query("/diff", summary="A page of the changes between two runs, or since an instant")
async def diff(
    request: HttpRequest,
    context: Context,
    *,
    run_a: Run = "",
    run_b: Run = "",
    since: Since = "",
    after: After = "",
) -> Response[DiffReply]:
    """New, resolved, changed, accepted, and the targets that were not checked.

    A single run is compared with the previous finished run of its schedule.
    """
    start = instant(since) if since else None
    wanted = DiffRequest(run_a=run_a, run_b=run_b, since=start, after=after)
    return paged(request, await read_diff(context, wanted))


@query("/trends", summary="Findings per day and severity, and the time to fix")
async def trends(context: Context, days: Days = 30) -> TrendsReply:
    """The last days; the numbers of today are those of now."""
    return await read_trends(context, TrendsRequest(days=days))


HANDLERS = [diff, trends]
