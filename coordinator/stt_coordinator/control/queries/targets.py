"""The verb `targets`: the targets in pages, each with the databases not checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from stt_coordinator.control import pages
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.domain.coverage import GONE
from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.control import (
    TargetClaim,
    TargetInfo,
    TargetsReply,
    TargetsRequest,
)
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import PartNotChecked

MAX_PARTS = 100  # databases of one target


async def list_targets(context: HandlerContext, request: TargetsRequest) -> TargetsReply:
    """A page of targets."""
    limit = pages.page_size(request.limit)

    def read(ledger: Ledger) -> TargetsReply:
        found = ledger.fleet.targets_page(request.after, limit + 1)
        names = [row.target for row in found]
        missing = dict(ledger.outcomes.never_run(len(names), names)) if names else {}
        parts: defaultdict[str, list[PartNotChecked]] = defaultdict(list)
        limit_of_all = MAX_PARTS * len(names)
        for one in ledger.outcomes.parts_not_checked(names, limit_of_all) if names else ():
            if len(parts[one.target]) < MAX_PARTS:
                parts[one.target].append(one.part)
        page = tuple(
            pages.fitting(
                _target_info(row, parts[row.target], missing.get(row.target, 0))
                for row in found[:limit]
            )
        )
        return TargetsReply(targets=page, next=page[-1].target if len(page) < len(found) else "")

    return await context.store.read(read)


def _target_info(row: TargetRecord, parts: Iterable[PartNotChecked], never_run: int) -> TargetInfo:
    return TargetInfo(
        target=row.target,
        family=row.family,
        site=row.site,
        state=row.state,
        workers=row.workers,
        labels=row.labels,
        last_checked=row.last_checked,
        kind=Kind.GONE if row.gone else row.kind,
        reason=_gone(row) if row.gone else row.reason,
        facts=row.facts,
        parts_not_checked=tuple(parts),
        never_run=never_run,
        claims=tuple(
            TargetClaim(worker=one.worker, site=one.site, family=one.family, since=one.since)
            for one in row.claims
        ),
        discovered=row.discovered,
    )


def _gone(row: TargetRecord) -> str:
    return f"{GONE}; it was discovered, and will be forgotten" if row.discovered else GONE
