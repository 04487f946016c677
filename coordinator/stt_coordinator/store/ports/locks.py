"""The port of the locks that a transaction takes where several processes write the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class LockLedger(Protocol):
    """Locks that are kept to the end of the transaction, each set taken in sorted order.

    The order between sets is the same everywhere, or two transactions wait for each other: targets,
    rows of results, rows of targets, history, days, runs, watermarks, counts. A store with one
    writer at a time has nothing to do: its transactions wait for each other as a whole.
    """

    def targets(self, names: Iterable[str]) -> None:
        """Hold everything of these targets: jobs, outcomes, findings and the targets themselves.

        Before their rows are read: another writer may change what was read earlier.
        """
        ...

    def runs(self, run_ids: Iterable[str]) -> None:
        """Hold these runs; a count afterwards includes what those who held them before wrote."""
        ...

    def outboxes(self, outboxes: Iterable[tuple[str, str]]) -> None:
        """Hold the watermarks of these outboxes (worker, epoch), before positions are read."""
        ...

    def counts(self) -> None:
        """Hold the kept counts of all targets: transactions that count wait from here on.

        It waits for those that have counted already; what they wrote is seen afterwards.
        """
        ...


class OneWriter:
    """LockLedger of a store whose transactions run one after the other."""

    def targets(self, names: Iterable[str]) -> None:
        """Nothing: nobody else writes."""

    def runs(self, run_ids: Iterable[str]) -> None:
        """Nothing: nobody else writes."""

    def outboxes(self, outboxes: Iterable[tuple[str, str]]) -> None:
        """Nothing: nobody else writes."""

    def counts(self) -> None:
        """Nothing: nobody else writes."""
