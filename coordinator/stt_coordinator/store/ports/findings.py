"""The port of findings: by id, in pages, and in groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from stt_shared import clock
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.records import FindingRecord

EVERY = FindingsRequest()


class FindingPlace(NamedTuple):
    """The place of a finding in the order of findings; `since` as `clock.to_text`, or empty."""

    severity: Severity
    since: str
    id: str

    @classmethod
    def of(cls, finding: FindingRecord) -> FindingPlace:
        """The place of `finding`."""
        since = clock.to_text(finding.since) if finding.since is not None else ""
        return cls(finding.severity, since, finding.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Open findings that share `name`: their number, that of their targets, and by severity."""

    name: str
    findings: int
    targets: int
    critical: int
    major: int
    trivial: int


class FindingLedger(Protocol):
    """Findings by their id, resolved ones too.

    The order of findings: critical, major, trivial; then `since` (empty first); then the id.
    Current means: not resolved, the target is not gone, the check known and enabled. Findings of a
    target that is forgotten are resolved, so that no current one is of an unknown target.
    Open findings are current ones that are not accepted, accepted findings current ones that are.
    """

    def of_targets(self, targets: Iterable[str]) -> list[FindingRecord]:
        """Every finding of these targets, in no particular order."""
        ...

    def put(self, findings: Iterable[FindingRecord]) -> None:
        """Insert or replace; the id, target and check of a finding never change.

        Those of a target that are not resolved are all of one site and family: groups count targets
        by them.
        """
        ...

    def by_id(self, ids: Iterable[str]) -> list[FindingRecord]:
        """The findings of these ids that exist, in no particular order."""
        ...

    def of_check(self, check: str) -> list[FindingRecord]:
        """The findings of a check that are not resolved, by id."""
        ...

    def with_prefix(self, prefix: str, limit: int) -> list[FindingRecord]:
        """Findings whose id begins with `prefix` (plain text, no pattern), by id."""
        ...

    def page(
        self, query: FindingsRequest, beyond: FindingPlace | None = None
    ) -> tuple[list[FindingRecord], int]:
        """A page in the order of findings, and the number of all that the query matches.

        `query.state` is `open`, `accepted`, `gone` (not resolved, of gone targets), `all`, or a
        state of FindingState; `all` and those states include gone targets and disabled checks. An
        empty filter matches everything. The page begins strictly after `beyond`, which need not
        exist any more, then `offset`; `query.after` is not read.
        """
        ...

    def group(self, by: str, limit: int, query: FindingsRequest = EVERY) -> list[Grouped]:
        """Open findings by `check`, `target` or `site`: most critical, major, trivial, then name.

        `query.state` is not read.
        """
        ...

    def count_accepted(self, suppressions: Iterable[str]) -> dict[str, int]:
        """The number of accepted findings by suppression id, of those ids that have any."""
        ...
