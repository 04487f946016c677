"""The trend as CSV."""

from __future__ import annotations

import csv
import io
from typing import Annotated

from litestar import Response, get
from litestar.params import QueryParameter

from stt_coordinator.control.queries.trends import MAX_DAYS, read_trends
from stt_coordinator.web.dependencies import Context
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.queries.history import TrendsReply, TrendsRequest

WHAT = ("open", "opened", "resolved")
Days = Annotated[int, QueryParameter(ge=1, le=MAX_DAYS)]


@get("/trends.csv", include_in_schema=False)
async def trends_csv(context: Context, days: Days = 30) -> Response[str]:
    """One line a day, oldest first."""
    found = await read_trends(context, TrendsRequest(days=days))
    return Response(as_csv(found), media_type="text/csv")


def as_csv(found: TrendsReply) -> str:
    """The days with a column for each number of each severity."""
    file = io.StringIO()
    lines = csv.writer(file)
    lines.writerow(["day", *(f"{what}_{severity}" for what in WHAT for severity in Severity)])
    for day in found.days:
        numbers = (getattr(day, what) for what in WHAT)
        lines.writerow([day.day, *(getattr(one, each) for one in numbers for each in Severity)])
    return file.getvalue()


HANDLERS = [trends_csv]
