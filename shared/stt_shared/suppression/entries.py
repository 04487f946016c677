"""Suppressions of the entries of a command or a file, and entries that exclude each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from stt_shared.protocol.suppressions import SuppressionEntry, SuppressionRecord


def suppression_of(
    entry: SuppressionEntry, known: SuppressionRecord | None, now: datetime, imported_by: str = ""
) -> SuppressionRecord:
    """The suppression that an entry describes; another last day brings another reminder."""
    same_end = known is not None and known.until == entry.until
    return SuppressionRecord(
        id=entry.id,
        reason=entry.reason.strip(),
        by=entry.by,
        created=entry.created or now,
        finding=entry.finding,
        check=entry.check,
        target=entry.target,
        label=entry.label,
        site=entry.site,
        severity=entry.severity,
        until=entry.until,
        imported_by=imported_by,
        reminded=known.reminded if known is not None and same_end else None,
    )


def scope_of_entry(entry: SuppressionEntry) -> tuple[str, ...]:
    """The fields of an entry's scope."""
    return (entry.finding, entry.check, entry.target, entry.label, entry.site)


def duplicates(entries: Sequence[SuppressionEntry]) -> list[str]:
    """A sentence for each id, and for each scope, that several entries have."""
    ids = Counter(one.id for one in entries)
    scopes = Counter((*scope_of_entry(one), one.severity is None) for one in entries)
    return [
        *(f"{id_!r:.80}: the id is listed {n} times" for id_, n in ids.items() if n > 1),
        *(
            f"{one.id!r:.80}: another entry has the same scope"
            for one in entries
            if scopes[*scope_of_entry(one), one.severity is None] > 1 and ids[one.id] == 1
        ),
    ]
