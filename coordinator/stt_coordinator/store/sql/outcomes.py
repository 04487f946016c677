"""The latest outcomes in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from stt_coordinator.domain.answers import confirmed, with_newer, without
from stt_coordinator.domain.model import Confirmation, Pair, Record
from stt_coordinator.store.sql.counts import KeptCounts
from stt_coordinator.store.sql.rows import Columns, listed, packed, unpacked
from stt_coordinator.store.sql.statements import Connection, Statements, queries
from stt_shared.protocol.messages import PartNotChecked, TargetPart


class Confirmed(Record, frozen=True, kw_only=True):
    """What answers repeated of a target, the newest answer first."""

    answers: tuple[Confirmation, ...] = ()


class Confirmations(Statements):
    """The rows of one transaction: each is read once, and written at its end if it changed.

    What is written of a check or finding after it was confirmed stands: it is taken out of the row.
    """

    sql = queries("outcomes")

    def __init__(self, connection: Connection, *, keeps: bool) -> None:
        """`keeps` the rows that were read: not where others may read all targets."""
        super().__init__(connection)
        self._keeps = keeps
        self._rows: dict[str, tuple[Confirmation, ...]] = {}
        self._changed: set[str] = set()

    def of_targets(self, targets: Iterable[str]) -> Mapping[str, tuple[Confirmation, ...]]:
        """What was confirmed of these targets; of nothing also (): it was asked for."""
        names = set(targets)
        left = names - self._rows.keys()
        read = {name: unpacked(Confirmed, data).answers for name, data in self._read(left)}
        if not self._keeps:
            return read
        self._rows |= {name: read.get(name, ()) for name in left}
        return {name: self._rows[name] for name in names}

    def _read(self, targets: Collection[str]) -> Iterable[tuple[str, bytes]]:
        return self._run("confirmed", targets=listed(targets)) if targets else ()

    def add(self, newer: Mapping[str, Sequence[Confirmation]]) -> None:
        """Add newer ones by target."""
        self._change(newer, lambda known, target: with_newer(known, newer[target]))

    def take_out(
        self,
        *,
        checks: Mapping[str, Collection[str]] | None = None,
        findings: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """Take checks or findings (ids) out, by target."""
        out, ids = checks or {}, findings or {}
        self._change(
            out.keys() | ids.keys(),
            lambda known, target: without(
                known, checks=out.get(target, ()), findings=ids.get(target, ())
            ),
        )

    def forget_checks(self, targets: Iterable[str]) -> None:
        """Take every check of these targets out; findings stay as they were confirmed."""
        self._change(
            targets,
            lambda known, _: without(known, checks={name for one in known for name in one.checks}),
        )

    def _change(
        self,
        targets: Iterable[str],
        changed: Callable[[tuple[Confirmation, ...], str], tuple[Confirmation, ...]],
    ) -> None:
        for target, known in self.of_targets(targets).items():
            answers = changed(known, target)
            if answers != known:
                self._rows[target] = answers
                self._changed.add(target)

    def write(self) -> None:
        """Write what changed; at the end of the transaction."""
        rows = {target: self._rows[target] for target in sorted(self._changed)}
        self._each(
            "confirm",
            (
                {"target": target, "data": packed(Confirmed(answers=answers))}
                for target, answers in rows.items()
                if answers
            ),
        )
        empty = [target for target, answers in rows.items() if not answers]
        if empty:
            self._run("unconfirm", targets=listed(empty))
        self._changed.clear()


class SqlOutcomes(Statements):
    """OutcomeLedger in SQL."""

    sql = queries("outcomes")

    def __init__(
        self, connection: Connection, kept: KeptCounts, confirmations: Confirmations
    ) -> None:
        super().__init__(connection)
        self._kept = kept
        self._confirmations = confirmations

    def of_targets(self, targets: Iterable[str]) -> list[Pair]:
        return self._with_confirmations(self._all(Pair, "of_targets", targets=listed(targets)))

    def put(self, pairs: Iterable[Pair]) -> None:
        rows = list(pairs)
        self._kept.touch_outcomes(row.target for row in rows)
        self._each("put", map(columns, rows))
        written: defaultdict[str, set[str]] = defaultdict(set)
        for row in rows:
            written[row.target].add(row.check)
        self._confirmations.take_out(checks=written)

    def confirm(self, confirmations: Mapping[str, Sequence[Confirmation]]) -> None:
        self._confirmations.add(confirmations)

    def _with_confirmations(self, pairs: Sequence[Pair]) -> list[Pair]:
        newest = {
            (target, check): answer
            for target, answers in self._confirmations.of_targets({p.target for p in pairs}).items()
            for answer in answers
            for check in answer.checks
        }
        found: list[Pair] = []
        for pair in pairs:
            answer = newest.get((pair.target, pair.check))
            found.append(pair if answer is None else confirmed(pair, answer))
        return found

    def never_run(self, limit: int, targets: Iterable[str] = ()) -> list[tuple[str, int]]:
        self._kept.recount()
        return self._run("never_run", limit=limit, targets=listed(targets)).fetchall()

    def forget(self, targets: Iterable[str]) -> None:
        left = list(targets)
        self._kept.touch_outcomes(left)
        self._run("forget", targets=listed(left))
        self._confirmations.forget_checks(left)

    def current(self, after: tuple[str, str], limit: int) -> list[Pair]:
        target, check = after
        found = self._all(Pair, "current", target=target, check_name=check, limit=limit)
        return self._with_confirmations(found)

    def parts_not_checked(self, targets: Iterable[str], limit: int) -> list[TargetPart]:
        found = self._run("parts_not_checked", targets=listed(targets), limit=limit)
        return [_part(target, part) for target, part in found]

    def parts_of_check(self, check: str, limit: int) -> list[TargetPart]:
        found = self._run("parts_of_check", check_name=check, limit=limit)
        return [_part(target, part) for target, part in found]


def _part(target: str, data: str) -> TargetPart:
    return TargetPart(target=target, part=unpacked(PartNotChecked, data.encode()))


def columns(pair: Pair) -> Columns:
    """The columns of an outcome."""
    return {
        "target": pair.target,
        "check_name": pair.check,
        "site": pair.site,
        "outcome": str(pair.outcome),
        "kind": str(pair.kind or ""),
        "parts": listed(pair.parts_not_checked) if pair.parts_not_checked else "",
        "data": packed(pair),
    }
