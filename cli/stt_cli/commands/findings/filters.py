"""The filter options of commands that list findings."""

from __future__ import annotations

from dataclasses import dataclass

from cyclopts import Group, Parameter
from msgspec.structs import replace

from stt_shared.command.control import Control
from stt_shared.command.options import (
    CheckPatterns,
    Families,
    Severities,
    SitePatterns,
    TargetPatterns,
)
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.findings import FindingsReply, FindingsRequest
from stt_shared.protocol.queries.name_patterns import has_labels, is_wanted

FILTERS = Group("Filters (default: all findings)", sort_key=80)


@Parameter(name="*", group=FILTERS)
@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Filters of findings; an empty one matches all."""

    severity: Severities = ()
    family: Families = ()
    site: SitePatterns = ()
    target: TargetPatterns = ()
    check: CheckPatterns = ()

    @property
    def wanted(self) -> FindingsRequest:
        """The same as a request for findings in any state."""
        return FindingsRequest(
            severities=self.severity,
            families=self.family,
            sites=self.site,
            targets=self.target,
            checks=self.check,
            state="all",
        )


def matches(
    wanted: FindingsRequest,
    *,
    family: str,
    site: str,
    target: str,
    check: str,
    severity: Severity | None = None,
) -> bool:
    """Whether a result matches `wanted`; without `severity` that filter is not applied."""
    return all(
        is_wanted(value, allowed)
        for allowed, value in (
            (wanted.severities if severity is not None else (), severity or ""),
            (wanted.families, family),
            (wanted.sites, site),
            (wanted.targets, target),
            (wanted.checks, check),
        )
    )


async def check_names(control: Control, wanted: FindingsRequest) -> None:
    """Have the coordinator check the names of sites, targets and checks, and the labels.

    Raises RefusedError for an unknown one.
    """
    if wanted.sites or wanted.targets or wanted.checks or wanted.labels:
        request = FindingsRequest(
            sites=wanted.sites,
            targets=wanted.targets,
            checks=wanted.checks,
            labels=wanted.labels,
            limit=1,
        )
        await control.ask(Verb.FINDINGS, request, FindingsReply)


async def with_labelled(control: Control, wanted: FindingsRequest) -> FindingsRequest:
    """`wanted` with the names of the targets that have its labels: a report has no labels."""
    if not wanted.labels:
        return wanted
    names = tuple(
        one.target
        for one in await control.every_target()
        if has_labels(one.labels, wanted.labels) and is_wanted(one.target, wanted.targets)
    )
    # No target has an empty name: without any, nothing may match.
    return replace(wanted, targets=names or ("",), labels=())
