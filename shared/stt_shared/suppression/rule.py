"""The effect of suppressions: which findings are accepted, and which severity counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import msgspec

from stt_shared.protocol.enums import FindingState, Severity
from stt_shared.protocol.records import Acceptance, FindingRecord
from stt_shared.protocol.suppressions import SuppressionRecord

Scope = tuple[str, ...]


def state_of(one: SuppressionRecord) -> str:
    """`live`, `ended` or `revoked`, as recorded: it applies until its end is recorded.

    No clock is read here: one that is wrong for a moment would bring findings back.
    """
    if one.revoked is not None:
        return "revoked"
    return "ended" if one.ended is not None else "live"


def scope_of(one: SuppressionRecord) -> Scope:
    """What it applies to; of two live ones with the same scope the older one is revoked."""
    if one.severity is not None:
        return ("severity", one.check, one.site)
    if one.finding:
        return ("finding", one.finding)
    if one.target:
        return ("target", one.check, one.target)
    if one.label:
        return ("label", one.check, one.label)
    return ("site", one.check, one.site)


def plain(record: FindingRecord) -> FindingRecord:
    """The finding as its check reports it, without any suppression."""
    reported = record.said_severity or record.severity
    return msgspec.structs.replace(record, severity=reported, said_severity=None, accepted=None)


class Suppressor:
    """Applies those suppressions that are live; `labels` are those of the targets."""

    def __init__(
        self,
        suppressions: Iterable[SuppressionRecord],
        labels: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._labels = labels
        self._by_scope: dict[Scope, SuppressionRecord] = {}
        for one in suppressions:
            scope = scope_of(one)
            other = self._by_scope.get(scope)
            if state_of(one) == "live" and (other is None or _rank(one) > _rank(other)):
                self._by_scope[scope] = one

    def acceptance(self, id_: str, check: str, target: str, site: str) -> Acceptance | None:
        """Why that finding is accepted, or None; of several suppressions the one that ends last."""
        labels = (f"{key}={value}" for key, value in self._labels.get(target, {}).items())
        scopes: list[Scope] = [
            ("finding", id_),
            ("target", check, target),
            ("site", check, site),
            *(("label", check, label) for label in labels),
        ]
        found = [one for scope in scopes if (one := self._by_scope.get(scope)) is not None]
        if not found:
            return None
        last = max(found, key=_rank)
        if last.until is None:
            return None
        return Acceptance(exception=last.id, until=last.until, by=last.by, reason=last.reason)

    def severity(self, check: str, site: str, reported: Severity) -> Severity:
        """The severity that counts for a finding that its check reports with `reported`."""
        found = self._by_scope.get(("severity", check, site))
        return reported if found is None or found.severity is None else found.severity

    def apply(self, record: FindingRecord) -> FindingRecord:
        """The finding as suppressions let it count; its state and its reported severity stay."""
        bare = plain(record)
        severity = self.severity(bare.check, bare.site, bare.severity)
        accepted = None
        if bare.state is not FindingState.RESOLVED:
            accepted = self.acceptance(bare.id, bare.check, bare.target, bare.site)
        return msgspec.structs.replace(
            bare,
            severity=severity,
            said_severity=bare.severity if severity is not bare.severity else None,
            accepted=accepted,
        )


def _rank(one: SuppressionRecord) -> tuple[date, datetime, str]:
    return (one.until or date.max, one.created, one.id)
