"""What one transaction of the registry recorded, for what the registry keeps beside the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stt_coordinator.domain.intake.ceilings import Bounded
from stt_coordinator.domain.intake.installations import Installation
from stt_coordinator.domain.intake.names import WithinNames
from stt_coordinator.domain.target_life import Member
from stt_coordinator.tasks.guards.shared_targets import Shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What one transaction recorded; `doubled` are sentences, `crowded` and `away` names."""

    changed: bool = False  # the state of a worker, or a target
    bounded: Mapping[str, Bounded] = field(default_factory=dict[str, Bounded])
    away: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    crowded: tuple[str, ...] = ()
    names: WithinNames | None = None  # what of the announcements was left out by their names
    # That the registry knows now, with their sites.
    workers: Mapping[str, str] = field(default_factory=dict[str, str])
    holders: frozenset[Installation] = frozenset()  # that have the plain name of their worker
    claims: tuple[str, ...] | None = None  # refused ones, sentences; None: they were not looked at
    shared: Mapping[Member, Shared] = field(default_factory=dict[Member, Shared])
    # The sentences on shared targets that the store had before, by worker.
    shares: Mapping[str, str] = field(default_factory=dict[str, str])
