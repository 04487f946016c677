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


_Left = Callable[[Confirmed, Collection[str]], tuple[Confirmation, ...]]


class Confirmations(Statements):
    """The rows with what was confirmed: one of each target, beside its outcomes and findings.

    What is written of a check or finding afterwards stands: it is taken out of the row.
    """

    sql = queries("outcomes")

    def of_targets(self, targets: Iterable[str]) -> dict[str, Confirmed]:
        """The rows of these targets that have one."""
        found = self._run("confirmed", targets=listed(targets))
        return {target: unpacked(Confirmed, data) for target, data in found}

    def add(self, newer: Mapping[str, Sequence[Confirmation]]) -> None:
        """Add newer ones by target."""
        known = self.of_targets(newer)
        rows: list[Columns] = [
            {
                "target": target,
                "data": packed(
                    Confirmed(answers=with_newer(known.get(target, Confirmed()).answers, answers))
                ),
            }
            for target, answers in sorted(newer.items())
        ]
        self._each("confirm", rows)

    def take_out_checks(self, changed: Mapping[str, Collection[str]]) -> None:
        """Take checks out, by target."""
        self._change(changed, lambda row, names: without(row.answers, checks=names))

    def take_out_findings(self, changed: Mapping[str, Collection[str]]) -> None:
        """Take findings (ids) out, by target."""
        self._change(changed, lambda row, ids: without(row.answers, findings=ids))

    def forget_checks(self, targets: Iterable[str]) -> None:
        """Take every check of these targets out; findings stay as they were confirmed."""
        self._change(
            dict.fromkeys(targets, ()),
            lambda row, _: without(row.answers, checks={n for a in row.answers for n in a.checks}),
        )

    def _change(self, targets: Mapping[str, Collection[str]], left: _Left) -> None:
        rows: list[Columns] = []
        empty: list[str] = []
        for target, row in sorted(self.of_targets(targets).items()):
            answers = left(row, targets[target])
            if not answers:
                empty.append(target)
            elif answers != row.answers:
                rows.append({"target": target, "data": packed(Confirmed(answers=answers))})
        self._each("confirm", rows)
        if empty:
            self._run("unconfirm", targets=listed(empty))


class SqlOutcomes(Statements):
    """OutcomeLedger in SQL."""

    sql = queries("outcomes")

    def __init__(self, connection: Connection, kept: KeptCounts) -> None:
        super().__init__(connection)
        self._kept = kept
        self._confirmations = Confirmations(connection)

    def of_targets(self, targets: Iterable[str]) -> list[Pair]:
        return self._with_confirmations(self._all(Pair, "of_targets", targets=listed(targets)))

    def put(self, pairs: Iterable[Pair]) -> None:
        rows = list(pairs)
        self._kept.touch_outcomes(row.target for row in rows)
        self._each("put", map(columns, rows))
        written: defaultdict[str, set[str]] = defaultdict(set)
        for row in rows:
            written[row.target].add(row.check)
        self._confirmations.take_out_checks(written)

    def confirm(self, confirmations: Mapping[str, Sequence[Confirmation]]) -> None:
        self._confirmations.add(confirmations)

    def _with_confirmations(self, pairs: Sequence[Pair]) -> list[Pair]:
        newest = {
            (target, check): answer
            for target, row in self._confirmations.of_targets({p.target for p in pairs}).items()
            for answer in row.answers
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
