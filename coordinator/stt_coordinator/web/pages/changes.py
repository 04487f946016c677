"""The page of changes between two runs or over the last days."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter
from litestar.response import Template

from stt_coordinator.control.queries.diff import read_diff
from stt_coordinator.control.queries.runs import list_runs
from stt_coordinator.web.dependencies import Context
from stt_coordinator.web.pages.common import page
from stt_shared import clock
from stt_shared.bus.values import RequestError
from stt_shared.protocol.control import UncheckedTarget
from stt_shared.protocol.queries.history import Difference, DiffReply, DiffRequest
from stt_shared.protocol.queries.reports import RunsRequest
from stt_shared.report.views.diff import differences_total, worst_first

MAX_ROWS = 1_000  # of each kind on the page; the command line has no limit
MAX_RUNS = 100  # to choose from
DAYS = (1, 7, 30)
Name = Annotated[str, QueryParameter(max_length=300)]


@dataclass(slots=True, kw_only=True)
class Whole:
    """All pages of a diff; `more`: there are more rows than the page shows."""

    reply: DiffReply = field(default_factory=lambda: DiffReply(differences=()))
    more: bool = False

    @property
    def total(self) -> str:
        """The totals in one line."""
        return differences_total(self.reply)


@get("/changes", include_in_schema=False)
async def changes(
    context: Context,
    *,
    run_a: Name = "",
    run_b: Name = "",
    days: Annotated[int, QueryParameter(ge=1, le=400)] = 1,
) -> Template:
    """Two runs, or one run with its previous run, or the last days."""
    now = clock.now()
    since = None if run_a or run_b else now - timedelta(days=days)
    found, wrong = Whole(), ""
    try:
        found = await whole(context, DiffRequest(run_a=run_a, run_b=run_b, since=since))
    except RequestError as error:
        wrong = error.message
    runs = await list_runs(context, RunsRequest(limit=MAX_RUNS))
    return page(
        context,
        "changes.html",
        title="Changes",
        at="/runs",
        found=found,
        wrong=wrong,
        runs=[run for run in runs.runs if run.state != "skipped"],
        days=days,
        choices=DAYS,
    )


async def whole(context: Context, request: DiffRequest) -> Whole:
    """The pages of a diff joined, most severe first."""
    differences: list[Difference] = []
    unchecked: list[UncheckedTarget] = []
    not_compared = 0
    while True:
        reply = await read_diff(context, request)
        differences += reply.differences
        unchecked += reply.unchecked
        not_compared += reply.not_compared
        is_full = max(len(differences), len(unchecked)) > MAX_ROWS
        if not reply.next or is_full:
            joined = msgspec.structs.replace(
                reply,
                differences=tuple(worst_first(differences)[:MAX_ROWS]),
                unchecked=tuple(unchecked[:MAX_ROWS]),
                not_compared=not_compared,
            )
            return Whole(reply=joined, more=is_full)
        request = msgspec.structs.replace(request, after=reply.next)


HANDLERS = [changes]
