"""Workers that began to announce targets that another worker has, for the status."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from stt_coordinator.domain.intake.installations import plain_name
from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_coordinator.domain.target_life import Member
from stt_shared import clock
from stt_shared.report import readable
from stt_shared.telemetry.logs import logger

SHOWN_S = 3600.0  # of the monotonic clock: a stand-in is wanted, a thief is not
MAX_NAMED = 5  # workers in the status
_LOG = logger("registry")


@dataclass(slots=True)
class Shared:
    """What one worker shares from now on: the targets, and the workers that had them."""

    targets: list[str] = field(default_factory=list[str])
    others: set[str] = field(default_factory=set[str])


def newly_shared(
    before: Mapping[str, TargetRecord], after: Iterable[TargetRecord]
) -> dict[Member, Shared]:
    """The targets that a worker serves in `after` beside workers that served them `before`.

    Installations of one name are doubles, which the status names as such.
    """
    found: defaultdict[Member, Shared] = defaultdict(Shared)
    for row in after:
        old = before.get(row.target)
        if old is None or old.site != row.site:
            continue
        had = {plain_name(worker) for worker in old.workers}
        for worker in set(row.workers) - set(old.workers):
            if had and plain_name(worker) not in had:
                found[row.site, worker].targets.append(row.target)
                found[row.site, worker].others |= had
    return dict(found)


def sentence(site: str, worker: str, one: Shared) -> str:
    """The sentence of the status on what a worker began to share."""
    number, names = readable.number(len(one.targets), "target"), sorted(one.targets)
    return (
        f"worker {worker} of site {site} began to announce {number} of"
        f" {readable.first_names(sorted(one.others))} ({readable.first_names(names)}):"
        " its results count as well"
    )


class SharedTargets:
    """A sentence for each worker that began to share targets, for SHOWN_S.

    The workers of a site stand in for each other: the results of each of them count. With the
    credential of one of them that is how another's targets are answered for.
    """

    def __init__(self) -> None:
        self._by_worker: dict[str, tuple[float, str]] = {}  # since when, and the sentence
        self._is_restored = False

    def restore(self, shares: Mapping[str, str]) -> None:
        """Show what the store has of an earlier process, once, and for SHOWN_S from now.

        Not from when it began: that would be the reading of a wall clock, which may be wrong.
        """
        if not self._is_restored:
            self._is_restored = True
            at = clock.monotonic()
            self._by_worker |= {worker: (at, text) for worker, text in shares.items()}

    def current(self, worker: str, stored: WorkerRecord | None) -> str:
        """The sentence on a worker that is to be stored with it; empty: none is shown."""
        if not self._is_restored:
            return stored.shares if stored else ""
        at, text = self._by_worker.get(worker, (0.0, ""))
        return text if text and clock.monotonic() - at <= SHOWN_S else ""

    def note(self, found: Mapping[Member, Shared]) -> None:
        """Keep and log what workers began to share."""
        for (site, worker), one in found.items():
            self._by_worker[worker] = (clock.monotonic(), sentence(site, worker, one))
            others = readable.first_names(sorted(one.others))
            _LOG.warning("targets_shared", worker=worker, targets=len(one.targets), others=others)

    def forget_others(self, workers: Collection[str]) -> None:
        """Forget all workers but these."""
        self._by_worker = {name: one for name, one in self._by_worker.items() if name in workers}

    def sentences(self) -> tuple[str, ...]:
        """One for each of the last MAX_NAMED workers."""
        recent = clock.monotonic() - SHOWN_S
        shown = sorted((one for one in self._by_worker.values() if one[0] >= recent), reverse=True)
        return tuple(text for _, text in shown[:MAX_NAMED])
