"""What single pages show beside the replies of the verbs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stt_coordinator.control.check_names import check_names
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.suppressions.rules import Places
from stt_coordinator.metrics import prometheus
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.messages import TargetPart
from stt_shared.protocol.records import FindingEvent, FindingRecord, RunRecord
from stt_shared.protocol.suppressions import SuppressionRecord
from stt_shared.suppression.rule import scope_of

MAX_PARTS = 100  # parts of databases that a check did not cover
MAX_CHANGES = 1_000  # of one run


@dataclass(frozen=True, slots=True, kw_only=True)
class Scopes:
    """Checks, sites, and labels as `key=value`, that something can be accepted for; sorted."""

    checks: list[str]
    sites: list[str]
    labels: list[str]


async def scopes(context: HandlerContext) -> Scopes:
    """The leader's checks, and the sites and labels of all present targets."""

    def read(ledger: Ledger) -> Scopes:
        places = Places(ledger)
        return Scopes(
            checks=sorted(check_names(context, ledger).there),
            sites=sorted(places.sites),
            labels=sorted(places.labels),
        )

    return await context.store.read(read)


async def parts_of_check(context: HandlerContext, check: str) -> list[TargetPart]:
    """The first MAX_PARTS parts of databases that the check did not cover."""
    return await context.store.read(lambda ledger: ledger.outcomes.parts_of_check(check, MAX_PARTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingScopes:
    """The labels of a finding's target, and the severity override that applies to the finding."""

    labels: list[str]
    override: SuppressionRecord | None


async def finding_scopes(context: HandlerContext, finding: FindingRecord) -> FindingScopes:
    """What a finding can be accepted by, and what overrides its severity."""
    scope = ("severity", finding.check, finding.site)

    def read(ledger: Ledger) -> FindingScopes:
        row = ledger.fleet.targets([finding.target]).get(finding.target)
        live = ledger.suppressions.live([finding.target])
        return FindingScopes(
            labels=sorted(f"{key}={value}" for key, value in row.labels.items()) if row else [],
            override=next((one for one in live if scope_of(one) == scope), None),
        )

    return await context.store.read(read)


async def changes_of_run(context: HandlerContext, run: RunRecord) -> list[FindingEvent]:
    """The changes of findings in a run, among the first MAX_CHANGES since its start."""
    since = run.started or run.slot
    events, _ = await context.store.read(lambda ledger: ledger.history.since(since, 0, MAX_CHANGES))
    return [event for event in events if event.run_id == run.run_id]


def standby_metrics() -> bytes:
    """The metrics of a coordinator that stands by, in the same format."""
    return prometheus.render_standby()


async def metrics(context: HandlerContext) -> bytes:
    """Every metric in the text format of Prometheus, from one read of the store.

    Of a coordinator that does not lead its own alone: sums over all must not count anything twice.
    """
    if not context.leads:
        return prometheus.render_active(context.counters)
    state, pack = context.control_state.state, context.library.status
    found = await context.store.read(
        lambda ledger: prometheus.snapshot(ledger, state, pack, context.counters, context.leader())
    )
    found = replace(found, store=await context.store.health(whole=False))
    if context.clock is not None:
        held, offset_s = bool(context.clock.why_held), context.clock.offset_s
        found = replace(found, is_held=held, offset_s=offset_s)
    return prometheus.render(found)
