"""Ceilings on the targets of a worker: how many, how many new ones, and how many changes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from stt_coordinator.domain.intake.budget import Budget
from stt_coordinator.domain.intake.installations import plain_name
from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_coordinator.domain.target_life import Member
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import AnnouncedTarget, Announcement

MINUTE_S, DAY_S = 60.0, 86_400.0
# Of each target a day: it goes, comes back, is claimed, or has other labels. Each is an event, and
# so many that they push the others out of their stream would hide findings.
CHANGES = 4
MIN_CHANGES = 1_000
MAX_TARGETS = 200_000  # of all workers, those that are gone included: ten times the largest fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """What one worker may announce; the settings `limits.*`.

    The targets of a worker are also the most new ones that it may bring in a day: names that come
    and go fill the store no faster.
    """

    worker_targets: int = 2_000
    new_targets_per_minute: int = 1_000

    @property
    def changes_per_day(self) -> int:
        """How many changes of known targets a worker may announce in a day."""
        return max(CHANGES * self.worker_targets, MIN_CHANGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """An announcement without the targets that are left out, and how many of it were new."""

    announcement: Announcement
    announced: int
    new: int = 0
    late: int = 0  # new ones that come too fast: they are accepted later
    changes: int = 0  # of known targets
    is_held: bool = False  # too many changes: the worker's targets stay as they are
    is_full: bool = False  # new ones were left out because MAX_TARGETS are known

    @property
    def left_out(self) -> int:
        """Targets above the ceiling, and those that come later."""
        return self.announced - len(self.announcement.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What is stored of workers and targets; doubles in `retired` are about to be dropped."""

    workers: Mapping[str, WorkerRecord]
    targets: Mapping[str, TargetRecord]
    retired: Collection[str] = ()


@dataclass(slots=True)
class TargetBudgets:
    """How many new targets and changes each worker may bring: doubles of a name share a budget."""

    ceilings: Ceilings = field(default_factory=Ceilings)
    _new: dict[str, tuple[Budget, Budget]] = field(default_factory=dict[str, tuple[Budget, Budget]])
    _changes: dict[str, Budget] = field(default_factory=dict[str, Budget])

    def bound(
        self, heard: Mapping[str, Announcement], fleet: Fleet, now: float
    ) -> dict[str, Bounded]:
        """Each announcement within the ceilings and budgets of its worker, by its name.

        `now` is in seconds of the monotonic clock.
        """
        served: Counter[str] = Counter(w for row in fleet.targets.values() for w in row.workers)
        of_name: Counter[str] = Counter()
        for worker, number in served.items():
            of_name[plain_name(worker)] += number
        own = _own_targets(fleet.targets, {(one.site, name) for name, one in heard.items()})
        found: dict[str, Bounded] = {}
        room = MAX_TARGETS - len(fleet.targets)
        for name, one in heard.items():
            budget = int(min(b.available(now) for b in self._of(name, now)))
            within = bounded(
                one,
                fleet.targets.keys(),
                served=of_name[plain_name(name)] - served[name],
                allowed=max(min(budget, room), 0),
                most=self.ceilings.worker_targets,
            )
            within = replace(within, is_full=room < budget and within.late > 0)
            room -= within.new
            # What a double served has the plain name in the same batch: nothing of it is held.
            if name not in fleet.retired:
                allowed = self._changes_of(name, now).available(now)
                within = held(within, own[one.site, name], fleet, name, allowed)
            found[name] = within
        return found

    def forget_others(self, workers: Collection[str]) -> None:
        """Forget the budgets of all names but these and their plain names."""
        names = {plain_name(worker) for worker in workers}
        self._new = {name: one for name, one in self._new.items() if name in names}
        self._changes = {name: one for name, one in self._changes.items() if name in names}

    def spend(self, worker: str, one: Bounded, now: float) -> None:
        """Count what was recorded of an announcement."""
        for budget in self._of(worker, now):
            budget.spend(one.new, now)
        self._changes_of(worker, now).spend(one.changes, now)

    def _of(self, worker: str, now: float) -> tuple[Budget, Budget]:
        minute = Budget.full(self.ceilings.new_targets_per_minute, MINUTE_S, now)
        day = Budget.full(self.ceilings.worker_targets, DAY_S, now)
        return self._new.setdefault(plain_name(worker), (minute, day))

    def _changes_of(self, worker: str, now: float) -> Budget:
        full = Budget.full(self.ceilings.changes_per_day, DAY_S, now)
        return self._changes.setdefault(plain_name(worker), full)


@dataclass(slots=True)
class OwnTargets:
    """What a worker announced last, as it is stored: targets that it serves, and claims."""

    served: dict[str, AnnouncedTarget] = field(default_factory=dict[str, AnnouncedTarget])
    claimed: dict[str, Family] = field(default_factory=dict[str, Family])


def _own_targets(
    targets: Mapping[str, TargetRecord], wanted: Collection[Member]
) -> defaultdict[Member, OwnTargets]:
    own: defaultdict[Member, OwnTargets] = defaultdict(OwnTargets)
    for name, row in targets.items():
        for worker in row.workers:
            if (row.site, worker) in wanted:
                one = AnnouncedTarget(
                    target=name,
                    family=row.family,
                    labels=row.labels,
                    discovered=row.discovered,
                )
                own[row.site, worker].served[name] = one
        for claim in row.claims:
            own[claim.site, claim.worker].claimed[name] = claim.family
    return own


def held(one: Bounded, own: OwnTargets, fleet: Fleet, name: str, allowed: float) -> Bounded:
    """`one` with the number of its changes, or, with more than `allowed`, without any change."""
    announced = {target.target: target for target in one.announcement.targets}
    changes = sum(_differ(announced.get(target), before) for target, before in own.served.items())
    changes += sum(
        target not in announced or announced[target].family is not family
        for target, family in own.claimed.items()
    )
    old = own.served.keys() | own.claimed.keys()
    changes += sum(target in fleet.targets and target not in old for target in announced)
    worker = fleet.workers.get(name)
    changes += worker is not None and (worker.state == "up") is one.announcement.leaving
    if changes <= allowed:
        return replace(one, changes=changes)
    claims = (AnnouncedTarget(target=target, family=f) for target, f in own.claimed.items())
    kept = (*own.served.values(), *claims)
    same = msgspec.structs.replace(one.announcement, targets=kept, leaving=False)
    return Bounded(announcement=same, announced=one.announced, is_held=True)


def _differ(announced: AnnouncedTarget | None, before: AnnouncedTarget) -> bool:
    """Whether the row of a target changes more often than once."""
    if announced is None:
        return True
    # Not by being discovered: of a target that somebody typed too that never becomes true.
    return (announced.family, announced.labels) != (before.family, before.labels)


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
    names = {one.target for one in (*old, *new)}
    kept = tuple(one for one in targets if one.target in names)  # in the order of the worker
    return Bounded(
        announcement=msgspec.structs.replace(announcement, targets=kept),
        announced=len(targets),
        new=len(new),
        late=len(fresh) - len(new),
    )


def sentences(found: Mapping[str, Bounded], ceilings: Ceilings) -> tuple[str, ...]:
    """A sentence of the status for each worker with targets that are left out."""
    return tuple(_sentence(worker, found[worker], ceilings) for worker in sorted(found))


def _sentence(worker: str, one: Bounded, ceilings: Ceilings) -> str:
    if one.is_held:
        limit = f"it may announce {ceilings.changes_per_day} changes a day"
        return f"worker {worker} changes its targets too often, they stay as they are: {limit}"
    if one.is_full:
        limit = f"{MAX_TARGETS} targets are known, the limit"
    elif one.left_out > one.late:
        limit = f"limits.worker_targets is {ceilings.worker_targets}"
    else:
        limit = f"limits.new_targets_per_minute is {ceilings.new_targets_per_minute}, and as many a"
        limit += f" day as limits.worker_targets, {ceilings.worker_targets}"
    what = f"worker {worker} announces {one.announced} targets, {one.left_out} are left out"
    return f"{what}: {limit}"
