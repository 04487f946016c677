"""The verb `runs`: the newest runs in pages, or one by its id."""

from __future__ import annotations

from stt_coordinator.control import pages
from stt_coordinator.control.control_commands import first_run_id
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.pages import decode_cursor, encode_cursor
from stt_coordinator.domain.time import schedule
from stt_shared import clock
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from stt_shared.protocol.records import RunRecord


async def list_runs(context: HandlerContext, request: RunsRequest) -> RunsReply:
    """A page of the newest runs, or the run with `run_id`; empty if it is not known."""
    if not request.run_id:
        limit = pages.page_size(request.limit)
        (before,) = decode_cursor(request.after, tuple[int]) or (None,)
        found = await context.store.read(lambda ledger: ledger.runs.newest(limit + 1, before))
        page = tuple(pages.fitting(found[:limit]))
        more = len(page) < len(found)
        last = encode_cursor((page[-1].number,)) if more else ""
        return RunsReply(runs=page, next=last)
    one, state = await context.store.read(
        lambda ledger: (ledger.runs.get(request.run_id), context.control_state.newest(ledger))
    )
    if one is None and request.run_id == first_run_id(state):
        one = waiting_run(state)
    return RunsReply(runs=(one,) if one is not None else ())


def waiting_run(state: ControlState) -> RunRecord:
    """The run that follows enabling, as long as it waits for targets to be announced."""
    return RunRecord(
        run_id=first_run_id(state),
        schedule=schedule.ENABLE,
        slot=(state.since or clock.now()).replace(microsecond=0),
        state="running",
        reason="waiting for workers to announce their targets",
        requested_by=state.by,
    )
