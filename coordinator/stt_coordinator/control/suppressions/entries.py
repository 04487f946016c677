"""Look the names of an entry up and run its transaction, for commands and imported files alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from stt_coordinator.control.check_names import CheckNames
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.queries.findings import one_finding
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.suppressions import SuppressionEntry

R = TypeVar("R")


async def run_transaction(
    context: HandlerContext, work: Callable[[Ledger], R], *, dry_run: bool
) -> R:
    """Do `work` in one transaction; with `dry_run` in a read, which must change nothing."""
    if dry_run:
        return await context.store.read(work)
    found = await context.store.transact(work)
    # After the commit: a task that is woken earlier finds nothing to publish.
    context.wakeups.store_changed()
    return found


def resolve_names(
    names: CheckNames, ledger: Ledger, entry: SuppressionEntry, *, exact: bool
) -> SuppressionEntry:
    """The entry with the check's own name, and for a finding with its check and target.

    Unless `exact` the beginning of a finding's id stands for it, if only one begins so.
    """
    if entry.finding:
        found = ledger.findings.by_id([entry.finding]) if exact else []
        if not exact:
            found = [one_finding(ledger, entry.finding)]
        for one in found:
            return msgspec.structs.replace(
                entry, finding=one.id, check=one.check, target=entry.target or one.target
            )
        return entry
    meant = names.meant(entry.check)
    return msgspec.structs.replace(entry, check=meant) if meant else entry
