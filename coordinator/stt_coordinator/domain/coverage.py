"""Which checks each known target should have an outcome of, and which of them have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from stt_coordinator.domain.model import Pair, TargetRecord
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Family, Kind, Outcome

GONE = "no worker announces the database any more"
NOT_RUN = "the check was never run on this database"
K = TypeVar("K")


def never_run(
    targets: Iterable[tuple[K, Family, int]], checks: Mapping[Family, int], run: Mapping[K, int]
) -> dict[K, int]:
    """How many enabled checks were never run on the present targets of each key.

    `targets` are numbers of present targets by key and family, `checks` numbers of enabled checks,
    `run` how many of these have an outcome on those targets. A key may be a target, a site, or
    whatever targets are counted by; one without such a check is left out.
    """
    wanted: Counter[K] = Counter()
    for key, family, number in targets:
        wanted[key] += number * checks.get(family, 0)
    return {key: left for key, number in wanted.items() if (left := number - run.get(key, 0)) > 0}


def enabled_checks(checks: Iterable[CheckInfo]) -> dict[Family, int]:
    """How many checks of each family are enabled."""
    return Counter(one.family for one in checks if one.enabled)


def outcomes_of(
    row: TargetRecord, checks: Sequence[CheckInfo], pairs: Mapping[str, Pair]
) -> Iterator[Pair]:
    """The latest outcome of every enabled check of a target's family, by the check's name.

    `pairs` are the outcomes that are known of the target, by check. A check that was never run, and
    each check of a target that is gone, is skipped with that kind.
    """
    for check in sorted(checks, key=lambda one: one.check):
        if not check.enabled or check.family is not row.family:
            continue
        pair = pairs.get(check.check)
        if row.gone:
            yield _missing(row, check.check, Kind.GONE, GONE)
        elif pair is None:
            yield _missing(row, check.check, Kind.NOT_RUN, NOT_RUN)
        else:
            yield pair


def _missing(row: TargetRecord, check: str, kind: Kind, reason: str) -> Pair:
    return Pair(
        target=row.target,
        check=check,
        family=row.family,
        site=row.site,
        outcome=Outcome.SKIPPED,
        kind=kind,
        reason=reason,
        run_id="",
        started=row.first_seen,
        finished=row.first_seen,
    )
