"""The list of databases, with the reason for each that is not checked."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Template

from stt_coordinator.control.queries.targets import list_targets
from stt_coordinator.web.dependencies import Context
from stt_coordinator.web.pages.common import page
from stt_shared.protocol.control import TargetInfo, TargetsRequest

ROWS = 100
STATES = ("checked", "unchecked", "never", "gone")
Text = Annotated[str, QueryParameter(max_length=300)]


@get("/targets", include_in_schema=False)
async def targets(
    context: Context,
    target_state: Annotated[str, QueryParameter(name="state", max_length=20)] = "",
    after: Text = "",
) -> Template:
    """A page of targets in order of their names."""
    wanted = target_state if target_state in STATES else ""
    found: list[TargetInfo] = []
    while len(found) < ROWS:
        reply = await list_targets(context, TargetsRequest(after=after, limit=ROWS))
        found += [one for one in reply.targets if is_wanted(one, wanted)]
        after = reply.next
        if not after:
            break
    return page(
        context,
        "targets.html",
        title="Databases",
        at="/targets",
        found=found,
        wanted=wanted,
        after=after,
    )


def is_wanted(one: TargetInfo, state: str) -> bool:
    """Whether a list of `state` has the target; `unchecked` has checks that never ran, too."""
    has_gap = state == "unchecked" and bool(one.never_run)
    return not state or one.state == state or has_gap


HANDLERS = [targets]
