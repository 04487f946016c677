"""The latest outcomes in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from stt_coordinator.domain.answers import confirmed
from stt_coordinator.domain.coverage import enabled_checks, never_run
from stt_coordinator.domain.model import Confirmation, Pair
from stt_coordinator.store.memory.tables import Rows, current_outcomes, parts_not_checked
from stt_shared.protocol.messages import TargetPart


class MemoryOutcomes(Rows):
    """OutcomeLedger in memory."""

    def of_targets(self, targets: Iterable[str]) -> list[Pair]:
        wanted = set(targets)
        return [pair for pair in self._t.pairs.values() if pair.target in wanted]

    def put(self, pairs: Iterable[Pair]) -> None:
        self._t.pairs.update(((pair.target, pair.check), pair) for pair in pairs)

    def confirm(self, confirmations: Mapping[str, Sequence[Confirmation]]) -> None:
        for target, answers in confirmations.items():
            for answer in answers:
                for check in answer.checks:
                    pair = self._t.pairs.get((target, check))
                    if pair is not None:
                        self._t.pairs[target, check] = confirmed(pair, answer)
                for id_ in answer.findings:
                    found = self._t.findings.get(id_)
                    if found is not None:
                        later = msgspec.structs.replace(found, last_confirmed=answer.finished)
                        self._t.findings[id_] = later

    def never_run(self, limit: int, targets: Iterable[str] = ()) -> list[tuple[str, int]]:
        among = set(targets) or self._t.targets.keys()
        checks = enabled_checks(self._t.checks.values())
        run = Counter(one.target for one in current_outcomes(self._t))
        rows = (row for row in self._t.targets.values() if row.target in among and not row.gone)
        return sorted(never_run(((r.target, r.family, 1) for r in rows), checks, run).items())[
            :limit
        ]

    def forget(self, targets: Iterable[str]) -> None:
        left = set(targets)
        self._t.pairs = {key: one for key, one in self._t.pairs.items() if key[0] not in left}

    def current(self, after: tuple[str, str], limit: int) -> list[Pair]:
        beyond = (one for one in current_outcomes(self._t) if (one.target, one.check) > after)
        return sorted(beyond, key=lambda one: (one.target, one.check))[:limit]

    def parts_not_checked(self, targets: Iterable[str], limit: int) -> list[TargetPart]:
        wanted = set(targets)
        found = [
            TargetPart(target=target, part=part)
            for (target, _), (_, part) in parts_not_checked(self._t).items()
            if not wanted or target in wanted
        ]
        return found[:limit]

    def parts_of_check(self, check: str, limit: int) -> list[TargetPart]:
        there = {row.target for row in self._t.targets.values() if not row.gone}
        found = [
            TargetPart(target=one.target, part=part)
            for one in self._t.pairs.values()
            for part in one.parts_not_checked
            if one.check == check and one.target in there
        ]
        return sorted(found, key=lambda one: (one.target, one.part.name))[:limit]
