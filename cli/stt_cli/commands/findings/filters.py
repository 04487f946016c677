"""Which findings the options of a command take, by their severity and their place."""

from __future__ import annotations

from dataclasses import dataclass

from cyclopts import Group, Parameter

from stt_shared.command.control import Control
from stt_shared.command.options import Checks, Families, Severities, Sites, Targets
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.findings import FindingsReply, FindingsRequest

FILTERS = Group("Which findings (default: all)", sort_key=80)


@Parameter(name="*", group=FILTERS)
@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The findings that are meant; an empty filter takes all."""

    severity: Severities = ()
    family: Families = ()
    site: Sites = ()
    target: Targets = ()
    check: Checks = ()

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


def takes(
    wanted: FindingsRequest,
    *,
    family: str,
    site: str,
    target: str,
    check: str,
    severity: Severity | None = None,
) -> bool:
    """Whether the filters of `wanted` take what is at that place; without `severity` any."""
    return all(
        not allowed or value in allowed
        for allowed, value in (
            (wanted.severities if severity is not None else (), severity),
            (wanted.families, family),
            (wanted.sites, site),
            (wanted.targets, target),
            (wanted.checks, check),
        )
    )


async def known(control: Control, wanted: FindingsRequest) -> None:
    """Have the coordinator look at the names; raises RefusedError for one that nothing has."""
    if wanted.sites or wanted.targets or wanted.checks:
        request = FindingsRequest(
            sites=wanted.sites, targets=wanted.targets, checks=wanted.checks, limit=1
        )
        await control.ask(Verb.FINDINGS, request, FindingsReply)
