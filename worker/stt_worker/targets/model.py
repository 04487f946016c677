"""A target with its endpoint and secret, and the list of targets in effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import AnnouncedTarget
from stt_shared.redaction import hide_value
from stt_worker.databases.port import Endpoint
from stt_worker.targets.secrets import NO_SECRET, Secret, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A database server to check; `endpoint` has no password, `secret` refers to it."""

    id: str
    endpoint: Endpoint
    secret: Secret = NO_SECRET
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def family(self) -> Family:
        """The database type."""
        return self.endpoint.family

    async def resolved(self) -> Endpoint:
        """The endpoint with its password; raises InspectionError of kind `config`."""
        return replace(self.endpoint, password=await resolve(self.secret))

    def announced(self) -> AnnouncedTarget:
        """The target as heartbeats describe it: without address and credentials."""
        labels = hide_value(dict(self.labels))
        return AnnouncedTarget(target=self.id, family=self.family, labels=labels)


class Inventory:
    """The targets in effect; replaced as a whole when the configuration is reloaded."""

    def __init__(self, targets: Iterable[Target] = ()) -> None:
        self._targets: dict[str, Target] = {}
        self._families: frozenset[Family] = frozenset()
        self.replace(targets)

    def replace(self, targets: Iterable[Target]) -> None:
        """Replace all targets."""
        self._targets = {target.id: target for target in targets}
        self._families = frozenset(target.family for target in self._targets.values())

    def get(self, target: str, family: Family) -> Target | None:
        """The target with this id and family, or None."""
        # By family too: a name that moved to another type must not get the questions of the old
        # one.
        found = self._targets.get(target)
        return found if found and found.family is family else None

    def announced(self) -> tuple[AnnouncedTarget, ...]:
        """All targets as heartbeats describe them, by id."""
        return tuple(self._targets[key].announced() for key in sorted(self._targets))

    def families(self) -> frozenset[Family]:
        """The families with at least one target."""
        return self._families

    def __len__(self) -> int:
        return len(self._targets)
