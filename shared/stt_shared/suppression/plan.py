"""The suppressions of a file for a report that no coordinator made: those in force, and its faults.

The same file may be imported by a coordinator, which knows the whole fleet: an entry for a database
that is not in the report is not a fault here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.errors import ConfigError
from stt_shared.protocol.suppressions import SuppressionEntry, SuppressionRecord
from stt_shared.suppression import file
from stt_shared.suppression.entries import duplicates, suppression_of
from stt_shared.suppression.shape import shape_faults

NOBODY = "unknown"  # an entry may leave out by whom


@dataclass(frozen=True, slots=True)
class Plan:
    """The suppressions in force, and the entries whose last day is past."""

    suppressions: tuple[SuppressionRecord, ...] = ()
    ended: tuple[SuppressionEntry, ...] = ()

    @property
    def has_labels(self) -> bool:
        """Whether the labels of databases decide."""
        return any(one.label for one in self.suppressions)


def read(
    path: Path, catalogues: Iterable[Catalogue], now: datetime, names: frozenset[str] = frozenset()
) -> Plan:
    """The suppressions of a file; raises ConfigError with every fault that an import would find.

    `names` are further checks that entries may name.
    """
    known = tuple(catalogues)
    entries = [_named(entry, known) for entry in file.read(path)]
    today = now.astimezone(UTC).date()
    ended = [one for one in entries if one.until is not None and one.until < today]
    rest = [one for one in entries if one not in ended]
    wrong = [f"{one.id!r:.80}: {why}" for one in rest for why in _faults(one, known, names, now)]
    wrong += duplicates(rest)
    if wrong:
        raise ConfigError(f"cannot use the exceptions of {path}", faults=tuple(wrong))
    made = (suppression_of(one, None, now) for one in rest)
    return Plan(tuple(made), tuple(ended))


def _named(entry: SuppressionEntry, known: Iterable[Catalogue]) -> SuppressionEntry:
    check = next((found for one in known if (found := one.find(entry.check))), None)
    name = check.name if check is not None else entry.check
    return msgspec.structs.replace(entry, check=name, by=entry.by or NOBODY)


def _faults(
    entry: SuppressionEntry, known: tuple[Catalogue, ...], names: frozenset[str], now: datetime
) -> Iterator[str]:
    yield from shape_faults(entry, now)
    is_known = entry.check in names or any(entry.check in one.checks for one in known)
    # Its suppression would apply to nothing, unnoticed.
    if entry.check and not is_known:
        close = next((name for one in known if (name := one.close_to(entry.check))), "")
        hint = f", did you mean {close!r}?" if close else ""
        yield f"unknown check {entry.check!r:.100}{hint}"
