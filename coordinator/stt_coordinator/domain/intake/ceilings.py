"""Ceilings on the targets of a worker: how many, and how many new ones in a minute and in a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import msgspec

from stt_coordinator.domain.intake.budget import Budget
from stt_coordinator.domain.intake.installations import plain_name
from stt_shared.protocol.messages import AnnouncedTarget, Announcement

MINUTE_S, DAY_S = 60.0, 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """What one worker may announce; the settings `limits.*`.

    The targets of a worker are also the most new ones that it may bring in a day: names that come
    and go fill the store no faster.
    """

    worker_targets: int = 2_000
    new_targets_per_minute: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """An announcement without the targets that are left out, and how many of it were new."""

    announcement: Announcement
    announced: int
    new: int = 0
    late: int = 0  # new ones that come too fast: they are accepted later

    @property
    def left_out(self) -> int:
        """Targets above the ceiling, and those that come later."""
        return self.announced - len(self.announcement.targets)


@dataclass(slots=True)
class NewTargets:
    """How many new targets each worker may bring, by its plain name: doubles share a budget."""

    ceilings: Ceilings = field(default_factory=Ceilings)
    _budgets: dict[str, tuple[Budget, Budget]] = field(
        default_factory=dict[str, tuple[Budget, Budget]]
    )

    def allowed(self, worker: str, now: float) -> int:
        """How many the worker may bring at `now`, in seconds of the monotonic clock."""
        return int(min(one.available(now) for one in self._of(worker, now)))

    def spend(self, worker: str, amount: int, now: float) -> None:
        """Count new targets that were recorded."""
        for one in self._of(worker, now):
            one.spend(amount, now)

    def _of(self, worker: str, now: float) -> tuple[Budget, Budget]:
        minute = Budget.full(self.ceilings.new_targets_per_minute, MINUTE_S, now)
        day = Budget.full(self.ceilings.worker_targets, DAY_S, now)
        return self._budgets.setdefault(plain_name(worker), (minute, day))


def bounded(
    announcement: Announcement, known: Collection[str], served: int, allowed: int, most: int
) -> Bounded:
    """The announcement within its ceilings.

    `known` are the names of all targets, `served` is how many targets other installations of the
    worker's name have, `allowed` how many new ones it may bring now, `most` how many it may have.
    A target that is known comes before a new one, so that invented names displace nothing.
    """
    targets = announcement.targets
    room = max(most - served, 0)
    old = [one for one in targets if one.target in known][:room]
    fresh = [one for one in targets if one.target not in known][: room - len(old)]
    new = fresh[:allowed]
    if len(old) + len(new) == len(targets):
        return Bounded(announcement=announcement, announced=len(targets), new=len(new))
    kept = _in_order(targets, {one.target for one in (*old, *new)})
    return Bounded(
        announcement=msgspec.structs.replace(announcement, targets=kept),
        announced=len(targets),
        new=len(new),
        late=len(fresh) - len(new),
    )


def _in_order(
    targets: Collection[AnnouncedTarget], names: Collection[str]
) -> tuple[AnnouncedTarget, ...]:
    return tuple(one for one in targets if one.target in names)


def sentences(found: Mapping[str, Bounded], ceilings: Ceilings) -> tuple[str, ...]:
    """What the status says of each worker of which targets are left out."""
    return tuple(_sentence(worker, found[worker], ceilings) for worker in sorted(found))


def _sentence(worker: str, one: Bounded, ceilings: Ceilings) -> str:
    if one.left_out > one.late:
        limit = f"limits.worker_targets is {ceilings.worker_targets}"
    else:
        limit = f"limits.new_targets_per_minute is {ceilings.new_targets_per_minute}, and as many a"
        limit += f" day as limits.worker_targets, {ceilings.worker_targets}"
    what = f"worker {worker} announces {one.announced} targets, {one.left_out} are left out"
    return f"{what}: {limit}"
