"""Record what workers announced in one transaction: workers, targets and their events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from stt_coordinator.domain.fleet import announced_worker, silent_workers, worker_event
from stt_coordinator.domain.intake import installations
from stt_coordinator.domain.intake.ceilings import Fleet, TargetBudgets
from stt_coordinator.domain.intake.installations import Installation, holders_of, named
from stt_coordinator.domain.intake.names import within_names
from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_coordinator.domain.target_life import Presence, announced_targets, claim_sentences
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger import event_messages, suppressions
from stt_coordinator.ledger.targets import apply_changes
from stt_coordinator.ledger.watermarks import move_new_watermarks
from stt_coordinator.store.port import Ledger
from stt_coordinator.tasks.guards.listened_time import ListenedTime
from stt_coordinator.tasks.guards.recorded import Recorded
from stt_coordinator.tasks.guards.shared_targets import SharedTargets, newly_shared, sentence
from stt_shared import clock
from stt_shared.protocol.messages import Announcement


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Transactions of the registry; they change nothing but the ledger.

    `silence_s` is how many seconds a worker, by its name, was not heard.
    """

    timing: Timing
    budgets: TargetBudgets
    listened: ListenedTime
    shared: SharedTargets
    silence_s: Callable[[str], float]

    def without_news(self, ledger: Ledger) -> Recorded | None:
        """What is recorded already, if nobody was heard or fell silent: nothing is written then.

        Most of the time: a transaction that writes would have all others of the store wait.
        """
        known = {worker.worker: worker for worker in ledger.fleet.workers()}
        if silent_workers(known.values(), self.silence_s, self.timing.worker_down):
            return None
        return Recorded(
            workers=_sites_of(known), holders=holders_of(known), shares=_shares_of(known)
        )

    def record(
        self, ledger: Ledger, found: Mapping[Installation, Announcement], now: datetime
    ) -> Recorded:
        """Record workers and targets in one transaction, which may be tried again."""
        known = {worker.worker: worker for worker in ledger.fleet.workers()}
        before = {row.target: row for row in ledger.fleet.all_targets()} if found else {}
        names = named(found.values(), known, before, self.silence_s, self.timing.worker_down)
        within = within_names(names.announcements, known)
        fleet = Fleet(workers=known, targets=before, retired=names.retired)
        bounded = self.budgets.bound(within.announcements, fleet, clock.monotonic())
        heard = {name: one.announcement for name, one in bounded.items()}
        changed = self._changed(known, heard, now)
        if not changed:
            return Recorded(
                crowded=names.left_out,
                names=within,
                workers=_sites_of(known),
                holders=holders_of(known),
                shares=_shares_of(known),
            )
        after = {**known, **changed}
        for name in names.retired:  # its installation has the plain name now
            del after[name], changed[name], known[name]
        ledger.fleet.drop_workers(names.retired)
        ledger.fleet.put_workers(changed.values())
        move_new_watermarks(ledger, known.values(), changed.values(), now)
        down = dict.fromkeys(changed, "down") | {name: one.state for name, one in known.items()}
        moved = [worker for name, worker in changed.items() if worker.state != down[name]]
        ledger.outbox.add(event_messages.of_worker(worker_event(one, now)) for one in moved)
        changes = announced_targets(before, heard.values(), self._presence(after), now)
        apply_changes(ledger, changes, now)
        # After the targets are stored: suppressions are looked up by the labels of now.
        suppressions.apply_to_relabelled(ledger, _relabelled(before, changes.targets), now)
        rows = before | {row.target: row for row in changes.targets}
        claims = (text for row in rows.values() for text in claim_sentences(row))
        shared = newly_shared(before, changes.targets)
        # Kept with the worker: after a restart nobody would know when it began.
        ledger.fleet.put_workers(
            msgspec.structs.replace(after[name], shares=sentence(site, name, one))
            for (site, name), one in shared.items()
        )
        return Recorded(
            changed=bool(changes.targets or moved),
            bounded=bounded,
            claims=tuple(sorted(claims)) if found else None,
            away=tuple(name for name, one in changed.items() if one.state != "up"),
            doubled=installations.sentences(after.values()),
            crowded=names.left_out,
            names=within,
            workers=_sites_of(after),
            holders=holders_of(after),
            shared=shared,
            shares=_shares_of(known),
        )

    def _changed(
        self,
        known: Mapping[str, WorkerRecord],
        heard: Mapping[str, Announcement],
        now: datetime,
    ) -> dict[str, WorkerRecord]:
        """The workers that were heard, as they are now, and those that are silent."""
        changed: dict[str, WorkerRecord] = {}
        for name, one in heard.items():
            shares = self.shared.current(name, known.get(name))
            changed[name] = msgspec.structs.replace(announced_worker(one, now), shares=shares)
        unheard = (one for name, one in known.items() if name not in heard)
        # While this process was not there nobody could be heard.
        return changed | silent_workers(unheard, self.silence_s, self.timing.worker_down)

    def _presence(self, workers: Mapping[str, WorkerRecord]) -> Presence:
        most_s = self.timing.release_after.total_seconds()
        return Presence(
            live={(one.site, name) for name, one in workers.items() if one.state == "up"},
            is_released=lambda member: self.listened.silence_s(member) > most_s,
        )


def _relabelled(before: Mapping[str, TargetRecord], after: Iterable[TargetRecord]) -> list[str]:
    return [
        row.target
        for row in after
        if row.target in before and before[row.target].labels != row.labels
    ]


def _sites_of(workers: Mapping[str, WorkerRecord]) -> dict[str, str]:
    return {name: one.site for name, one in workers.items()}


def _shares_of(workers: Mapping[str, WorkerRecord]) -> dict[str, str]:
    return {name: one.shares for name, one in workers.items() if one.shares}
