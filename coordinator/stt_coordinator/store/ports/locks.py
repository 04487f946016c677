"""The port of the locks that a transaction takes where several processes write the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class LockLedger(Protocol):
    """Locks that are kept to the end of the transaction, each set taken in sorted order.

    The order between sets is the same everywhere, or two transactions wait for each other: targets,
    rows of results, rows of targets, history, days, runs, watermarks, counts. A transaction that
    runs alone has nothing to do: `Store.transact` waits for others as a whole, also for those of
    `Store.transact_beside`, which need these locks.
    """

    def targets(self, names: Iterable[str]) -> None:
        """Hold everything of these targets: jobs, outcomes, findings and the targets themselves.

        Before their rows are read: another writer may change what was read earlier.
        """
        ...

    def runs(self, run_ids: Iterable[str]) -> None:
        """Hold these runs; a count afterwards includes what those who held them before wrote."""
        ...

    def history(self) -> None:
        """Hold history and days: events become visible in the order of their positions."""
        ...

    def outboxes(self, outboxes: Iterable[tuple[str, str]]) -> None:
        """Hold the watermarks of these outboxes (worker, epoch), before positions are read."""
        ...

    def counts(self) -> None:
        """Hold the kept counts of all targets: transactions that count wait from here on.

        It waits for those that have counted already; what they wrote is seen afterwards. Only for
        transactions that run alone: those beside each other hold the counts with their targets.
        """
        ...


class OneWriter:
    """LockLedger of a transaction that runs alone."""

    def targets(self, names: Iterable[str]) -> None:
        """Nothing: nobody else writes."""

    def runs(self, run_ids: Iterable[str]) -> None:
        """Nothing: nobody else writes."""

    def history(self) -> None:
        """Nothing: nobody else writes."""

    def outboxes(self, outboxes: Iterable[tuple[str, str]]) -> None:
        """Nothing: nobody else writes."""

    def counts(self) -> None:
        """Nothing: nobody else writes."""
