"""How many open findings and unanswered pairs there are, by the labels of the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stt_shared.protocol.enums import Family, Kind, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Without disabled checks; of gone targets only what is not checked.

    findings: (site, family, severity, open findings), accepted: the same of accepted ones;
    not_checked: (site, family, kind, pairs), without those whose check does not apply to their
    target;
    parts: (site, family, kind, databases of targets that a check left out).
    """

    findings: Sequence[tuple[str, Family, Severity, int]] = ()
    accepted: Sequence[tuple[str, Family, Severity, int]] = ()
    not_checked: Sequence[tuple[str, Family, Kind, int]] = ()
    parts: Sequence[tuple[str, Family, Kind, int]] = ()
