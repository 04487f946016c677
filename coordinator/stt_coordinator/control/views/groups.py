"""The verb `finding-groups`: open findings counted by check, target or site."""

from __future__ import annotations

from stt_coordinator.control import pages
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.queries.name_filters import with_names
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.findings import Grouped
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.queries.overview import (
    FindingGroup,
    FindingGroupsReply,
    FindingGroupsRequest,
)


async def finding_groups(
    context: HandlerContext, request: FindingGroupsRequest
) -> FindingGroupsReply:
    """The groups of open findings that match; raises RequestError for an unknown name."""
    wanted = FindingsRequest(
        severities=request.severities,
        families=request.families,
        sites=request.sites,
        targets=request.targets,
        checks=request.checks,
        labels=request.labels,
    )

    def grouped(ledger: Ledger) -> list[Grouped]:
        named = with_names(context, ledger, wanted)
        return ledger.findings.group(request.by, pages.page_size(request.limit), named)

    found = await context.store.read(grouped)
    return FindingGroupsReply(groups=tuple(pages.fitting(map(group_of, found))))


def group_of(row: Grouped) -> FindingGroup:
    """The group as it is sent."""
    return FindingGroup(
        name=row.name,
        findings=row.findings,
        targets=row.targets,
        critical=row.critical,
        major=row.major,
        trivial=row.trivial,
    )
