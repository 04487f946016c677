"""Bounds the outboxes that a worker sends results of and does not announce, and names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stt_coordinator.domain.intake.budget import DAY_S, Budget
from stt_coordinator.ledger.sorted_batch import MAX_NEW_OUTBOXES
from stt_shared import clock
from stt_shared.telemetry.logs import logger

# A worker whose disk is new sends results before its announcement is recorded once or twice.
SUSPICIOUS = 4
MAX_NAMED = 5  # workers in the status
MAX_KEPT = 10_000  # workers; only those that got a job are counted
_LOG = logger("ingest")


@dataclass(slots=True)
class NewOutboxes:
    """Counts by worker name the new outboxes of valid results that no worker announces."""

    _budgets: dict[str, Budget] = field(default_factory=dict[str, Budget])

    def left(self, worker: str) -> int:
        """How many more the worker may begin now."""
        budget = self._budgets.get(worker)
        return MAX_NEW_OUTBOXES if budget is None else int(budget.available(clock.monotonic()))

    def note(self, found: Mapping[str, int]) -> None:
        """Count those of a batch that is recorded."""
        now = clock.monotonic()
        for worker, number in found.items():
            if worker not in self._budgets and len(self._budgets) >= MAX_KEPT:
                del self._budgets[next(iter(self._budgets))]
            fresh = Budget.full(MAX_NEW_OUTBOXES, DAY_S, now)
            budget = self._budgets.setdefault(worker, fresh)
            was_suspicious = self._is_suspicious(budget, now)
            budget.spend(number, now)
            if self._is_suspicious(budget, now) and not was_suspicious:
                _LOG.error("outboxes_unannounced", worker=worker)

    @property
    def degraded(self) -> tuple[str, ...]:
        """A sentence for each of the first workers with too many."""
        now = clock.monotonic()
        named = (w for w, one in sorted(self._budgets.items()) if self._is_suspicious(one, now))
        return tuple(
            f"results of worker {worker} come from more than {SUSPICIOUS} outboxes that it does not"
            f" announce, {MAX_NEW_OUTBOXES} a day are recorded: another client uses its credential"
            for worker in list(named)[:MAX_NAMED]
        )

    @staticmethod
    def _is_suspicious(budget: Budget, now: float) -> bool:
        return MAX_NEW_OUTBOXES - budget.available(now) > SUSPICIOUS
