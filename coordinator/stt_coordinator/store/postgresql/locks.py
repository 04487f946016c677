"""What a transaction holds that runs beside others: rows of targets and runs, and two locks."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from stt_shared import sqlfile

_SQL = {
    name: text.encode()
    for name, text in sqlfile.statements(
        sqlfile.folder("stt_coordinator.store", "postgresql") / "locks.sql"
    ).items()
}


class RowLocks:
    """LockLedger of a transaction beside which others of its kind run; `seed` is of its store.

    Rows, where there are any: a batch has hundreds of targets, and advisory locks of all sessions
    of a server share one small table.
    """

    def __init__(self, connection: psycopg.Connection, seed: int) -> None:
        self._connection = connection
        self._seed = seed

    def targets(self, names: Iterable[str]) -> None:
        """Lock their rows; of one that is not there, no outcome and no finding is kept."""
        self._hold("targets", names)

    def runs(self, run_ids: Iterable[str]) -> None:
        """Lock their rows."""
        self._hold("runs", run_ids)

    def history(self) -> None:
        """Lock the history: a reader behind a position must not miss an earlier one."""
        self._connection.execute(_SQL["history"], {"seed": self._seed})

    def outboxes(self, outboxes: Iterable[tuple[str, str]]) -> None:
        """Lock their names: the watermark of a new outbox has no row yet."""
        self._hold("outboxes", (" ".join(one) for one in outboxes))

    def counts(self) -> None:
        """Nothing: only a transaction that runs alone changes which checks count."""

    def _hold(self, what: str, names: Iterable[str]) -> None:
        held = sorted(set(names))
        if held:
            self._connection.execute(_SQL[what], {"names": held, "seed": self._seed}).fetchall()
