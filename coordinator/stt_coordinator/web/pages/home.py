"""The home page, its numbers, and the panel and badge that other pages embed."""

from __future__ import annotations

from litestar import get
from litestar.response import Template

from stt_coordinator.control.views.overview import overview, status_and_state
from stt_coordinator.web.chart import series
from stt_coordinator.web.dependencies import Context
from stt_coordinator.web.pages.common import page, titles
from stt_shared.protocol.control import Empty
from stt_shared.protocol.queries.overview import OverviewState

EMBEDDED = (
    "default-src 'self'; frame-ancestors *; base-uri 'none'; form-action 'none'"  # links alone
)
STATE_TEXTS = {  # shown instead of numbers that would be wrong or out of date
    OverviewState.NEVER: "checks are off",
    OverviewState.OFF: "checks are off",
    OverviewState.EMPTY: "no databases yet",
    OverviewState.FIRST: "first run in progress",
    OverviewState.OVERDUE: "a run is overdue",
}


@get("/", include_in_schema=False)
async def home(context: Context) -> Template:
    """The numbers, the trend, what is new, what to fix first, the sites."""
    view = await overview(context, Empty())
    return page(
        context,
        "home.html",
        title="Failed checks",
        at="/",
        view=view,
        series=series(view.trend.days),
        titles=titles(context),
        notice=view.status.notice,
    )


@get("/overview", include_in_schema=False)
async def numbers(context: Context) -> Template:
    """The part of the home page that is reloaded every 30 s."""
    view = await overview(context, Empty())
    return page(context, "_numbers.html", title="", at="/", view=view)


@get("/panel", include_in_schema=False, response_headers={"Content-Security-Policy": EMBEDDED})
async def panel(context: Context) -> Template:
    """The numbers alone, to be embedded."""
    view = await overview(context, Empty())
    return page(context, "panel.html", title="Failed checks", at="/", view=view)


@get("/panel.svg", include_in_schema=False, media_type="image/svg+xml")
async def badge(context: Context) -> Template:
    """The numbers as an SVG image, for wikis."""
    status, state = await status_and_state(context)
    counts = status.summary.counts
    missing = counts.not_checked + counts.parts_not_checked
    text = f"◆ {counts.critical}  ▲ {counts.major}  ● {counts.trivial}  ? {missing}"
    label = (
        f"{counts.critical} critical, {counts.major} major, {counts.trivial} trivial,"
        f" {missing} not checked"
    )
    if state in STATE_TEXTS:
        text = label = STATE_TEXTS[state]
    values = {"text": text, "label": label}
    return Template("panel.svg", context=values, media_type="image/svg+xml")


HANDLERS = [home, numbers, panel, badge]
