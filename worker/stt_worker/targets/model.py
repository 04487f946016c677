"""A target as the worker knows it, and the list of them that is in effect."""

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
    """A database service; `endpoint` has no password, `secret` says where it is."""

    id: str
    endpoint: Endpoint
    secret: Secret = NO_SECRET
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def family(self) -> Family:
        """The database type."""
        return self.endpoint.family

    async def resolved(self) -> Endpoint:
        """The endpoint with its password; raises LookError of kind `config`."""
        return replace(self.endpoint, password=await resolve(self.secret))

    def announced(self) -> AnnouncedTarget:
        """What the coordinator learns of it: no address, no credential."""
        labels = hide_value(dict(self.labels))
        return AnnouncedTarget(target=self.id, family=self.family, labels=labels)


class Inventory:
    """The targets in effect; replaced as a whole when the configuration is read again."""

    def __init__(self, targets: Iterable[Target] = ()) -> None:
        self._targets: dict[str, Target] = {}
        self._families: frozenset[Family] = frozenset()
        self.replace(targets)

    def replace(self, targets: Iterable[Target]) -> None:
        """Put a new list into effect."""
        self._targets = {target.id: target for target in targets}
        self._families = frozenset(target.family for target in self._targets.values())

    def get(self, target: str, family: Family) -> Target | None:
        """The target of that id and family."""
        found = self._targets.get(target)
        return found if found and found.family is family else None

    def announced(self) -> tuple[AnnouncedTarget, ...]:
        """All targets as they are announced, by id."""
        return tuple(self._targets[key].announced() for key in sorted(self._targets))

    def families(self) -> frozenset[Family]:
        """The families that have a target."""
        return self._families

    def __len__(self) -> int:
        return len(self._targets)
