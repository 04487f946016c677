"""The life of a target: which site owns its name, whose claims are refused, when it is gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.domain.model import RefusedClaim, TargetRecord
from stt_shared.protocol.enums import TargetPhase
from stt_shared.protocol.messages import AnnouncedTarget, Announcement
from stt_shared.protocol.records import TargetEvent

Member = tuple[str, str]  # site, worker


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChanges:
    """The targets that differ now, the events of that, and those with another site or family."""

    targets: list[TargetRecord]
    events: list[TargetEvent]
    moved: tuple[str, ...]  # what was learned of them at the old place is void


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Which workers are up, and which were silent for so long that they own nothing any more."""

    live: Collection[Member]
    is_released: Callable[[Member], bool] = lambda _member: False


def announced_targets(
    before: Mapping[str, TargetRecord],
    announcements: Iterable[Announcement],
    presence: Presence,
    now: datetime,
) -> TargetChanges:
    """What `announcements` change in the targets `before`.

    A target belongs to one site and has one family. A worker of that site that announces it joins
    those that serve it. Any other worker's claim is refused until no worker owns the target: each
    withdrew it, or was silent for too long.
    """
    life = _Life(before, presence, now)
    for announcement in announcements:
        life.hear(announcement)
    life.drop_claims_of_silent_workers()
    return life.changes()


class _Life:
    """The targets while the announcements of one transaction are applied."""

    def __init__(
        self, before: Mapping[str, TargetRecord], presence: Presence, now: datetime
    ) -> None:
        self._before, self._rows = before, dict(before)
        self._live, self._is_released, self._now = set(presence.live), presence.is_released, now
        self._events: list[TargetEvent] = []
        self._moved: list[str] = []
        # Looked up per announcement: with 20,000 targets nobody may walk all rows for each worker.
        self._served, self._claimed = defaultdict[Member, set[str]](set), set[str]()
        for row in before.values():
            for worker in row.workers:
                self._served[row.site, worker].add(row.target)
            if row.claims:
                self._claimed.add(row.target)

    def hear(self, announcement: Announcement) -> None:
        me = (announcement.site, announcement.worker)
        announced = {one.target: one for one in announcement.targets}
        # Before the claims: a worker that lists its target with another family withdraws it first.
        for name in sorted(self._served[me]):
            row, other = self._rows[name], announced.get(name)
            if _is_served(row, me) and (other is None or other.family is not row.family):
                self._withdraw(name, me)
        for name in self._claimed - announced.keys():
            self._drop_claims(name, {me})
        for one in announced.values():
            self._announce(one, me, leaving=announcement.leaving)

    def _announce(self, one: AnnouncedTarget, me: Member, *, leaving: bool) -> None:
        row, (site, worker) = self._rows.get(one.target), me
        if row is None:
            self._put(self._fresh(one, me))
        elif (row.site, row.family) == (site, one.family):
            workers = tuple(sorted({*row.workers, worker}))
            if row.gone and me in self._live:
                self._note(TargetPhase.BACK, row, reason=f"worker {worker} announces it again")
            is_gone = row.gone and me not in self._live
            self._put(
                msgspec.structs.replace(
                    row,
                    labels=one.labels,
                    workers=workers,
                    gone=is_gone,
                    # Never the other way: what somebody typed leaves by somebody's word alone.
                    discovered=row.discovered and one.discovered,
                    absent_since=row.absent_since if is_gone else None,
                )
            )
            self._drop_claims(one.target, {me})
        elif why := self._why_released(row):
            self._put(self._fresh(one, me))
            self._moved.append(one.target)
            self._note(TargetPhase.MOVED, self._rows[one.target], other_site=row.site, reason=why)
        elif not leaving:
            self._refuse(row, one, me)
        if _is_served(self._rows[one.target], me):
            self._served[me].add(one.target)

    def _why_released(self, row: TargetRecord) -> str:
        """Why nobody owns the target any more; empty: somebody does."""
        if not row.workers:
            return f"no worker of site {row.site} announces it any more"
        if all(self._is_released((row.site, worker)) for worker in row.workers):
            return f"every worker of site {row.site} that served it was silent for too long"
        return ""

    def _refuse(self, row: TargetRecord, one: AnnouncedTarget, me: Member) -> None:
        site, worker = me
        claim = RefusedClaim(worker=worker, site=site, family=one.family, since=self._now)
        known = [c for c in row.claims if (c.site, c.worker) != me]
        before = next((c for c in row.claims if (c.site, c.worker) == me), None)
        if before is not None and before.family is one.family:
            return
        claims = sorted([*known, claim], key=lambda c: (c.site, c.worker))
        self._put(msgspec.structs.replace(row, claims=tuple(claims)))
        self._claimed.add(row.target)
        self._note(
            TargetPhase.CLAIMED,
            row,
            worker=worker,
            other_site=site,
            reason=f"site {row.site} has a {row.family} target of that name",
        )

    def _withdraw(self, name: str, me: Member) -> None:
        row = self._rows[name]
        others = tuple(one for one in row.workers if one != me[1])
        # A worker that is down serves it again when it is back, but nobody does now.
        is_gone = not any((row.site, one) in self._live for one in others)
        if is_gone and not row.gone:
            self._note(
                TargetPhase.GONE, row, reason=f"worker {me[1]} does not announce it any more"
            )
        self._put(msgspec.structs.replace(row, workers=others, gone=is_gone))

    def _fresh(self, one: AnnouncedTarget, me: Member) -> TargetRecord:
        """A new target, without any evidence."""
        site, worker = me
        return TargetRecord(
            target=one.target,
            family=one.family,
            site=site,
            first_seen=self._now,
            labels=one.labels,
            workers=(worker,),
            discovered=one.discovered,
            awaits_run=True,
        )

    def drop_claims_of_silent_workers(self) -> None:
        """A worker that is down claims nothing."""
        for name in self._claimed:
            members = {(one.site, one.worker) for one in self._rows[name].claims}
            self._drop_claims(name, members - self._live)

    def _drop_claims(self, name: str, members: Collection[Member]) -> None:
        row = self._rows[name]
        kept = tuple(one for one in row.claims if (one.site, one.worker) not in members)
        if kept != row.claims:
            self._put(msgspec.structs.replace(row, claims=kept))

    def _put(self, row: TargetRecord) -> None:
        self._rows[row.target] = row

    def _note(self, phase: TargetPhase, row: TargetRecord, **parts: str) -> None:
        self._events.append(target_event(phase, row, self._now, **parts))

    def changes(self) -> TargetChanges:
        changed = [row for name, row in self._rows.items() if self._before.get(name) != row]
        return TargetChanges(targets=changed, events=self._events, moved=tuple(self._moved))


def _is_served(row: TargetRecord, me: Member) -> bool:
    site, worker = me
    return row.site == site and worker in row.workers


def target_event(phase: TargetPhase, row: TargetRecord, now: datetime, **parts: str) -> TargetEvent:
    """The event of a target; `parts` are its texts."""
    return TargetEvent(
        phase=phase, target=row.target, family=row.family, site=row.site, at=now, **parts
    )


def moved_by_operator(row: TargetRecord, site: str) -> TargetRecord | None:
    """The target as the workers of `site` that claim it serve it; None: none of them does."""
    claims = sorted((one for one in row.claims if one.site == site), key=lambda one: one.since)
    if not claims:
        return None
    family = claims[0].family  # of two families the one that was claimed first
    serving = {one.worker for one in claims if one.family is family}
    return TargetRecord(
        target=row.target,
        family=family,
        site=site,
        first_seen=row.first_seen,
        labels=row.labels,
        workers=tuple(sorted(serving)),
        awaits_run=True,
        claims=tuple(one for one in row.claims if one.site != site or one.family is not family),
    )


def without_workers(row: TargetRecord, members: Collection[Member]) -> TargetRecord:
    """The target after workers were forgotten: gone if no other one announces it."""
    claims = tuple(one for one in row.claims if (one.site, one.worker) not in members)
    workers = tuple(one for one in row.workers if (row.site, one) not in members)
    if (claims, workers) == (row.claims, row.workers):
        return row
    is_gone = row.gone or (workers != row.workers and not workers)
    return msgspec.structs.replace(row, workers=workers, claims=claims, gone=is_gone)


def absent(
    rows: Iterable[TargetRecord], mark: datetime, grace: timedelta
) -> tuple[list[TargetRecord], list[TargetRecord]]:
    """Of discovered targets that are gone: those whose absence begins, and those it is over for.

    `mark` moves no faster than time passes, so that no reading of a clock ends a grace time. An
    absence that would begin later than `mark` begins anew: its store had another mark.
    """
    found = [row for row in rows if row.gone and row.discovered]
    begins = [
        msgspec.structs.replace(row, absent_since=mark)
        for row in found
        if row.absent_since is None or row.absent_since > mark
    ]
    over = [row for row in found if row.absent_since and mark - row.absent_since >= grace]
    return begins, over


def claim_sentences(row: TargetRecord) -> list[str]:
    """A sentence of the status for each claim on a target, with a hint."""
    return [
        f"worker {one.worker} of site {one.site} announces {one.family} target {row.target}, which"
        f" is {row.family} at site {row.site}: it gets no jobs there (to move it: stt targets move"
        f" {row.target} --to {one.site})"
        for one in row.claims
    ]
