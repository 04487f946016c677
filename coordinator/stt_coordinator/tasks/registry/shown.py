"""What the status shows of announcements: doubled names, targets left out, refused claims."""

from __future__ import annotations

from collections.abc import Collection

from stt_coordinator.domain.intake import ceilings
from stt_coordinator.domain.intake.ceilings import Bounded, Ceilings
from stt_coordinator.domain.intake.installations import MAX_DOUBLES
from stt_coordinator.tasks.guards.recorded import Recorded
from stt_shared import clock
from stt_shared.telemetry.logs import logger

MAX_NAMED = 5  # sentences of each kind
CROWDED_S = 60.0  # a name is shown as crowded: four announcements of each of its workers
MAX_CROWDED = 1_000  # names that are remembered as crowded
_LOG = logger("registry")


class Shown:
    """What is kept for sentences of the status, and logged when it begins."""

    def __init__(self, ceilings: Ceilings) -> None:
        self._ceilings = ceilings
        self._bounded: dict[str, Bounded] = {}  # by worker, where targets are left out
        self._doubled: tuple[str, ...] = ()
        self._crowded: dict[str, float] = {}  # when a name had too many doubles
        self._claims: tuple[str, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """At most MAX_NAMED of each kind."""
        crowded = (
            f"worker {name} has more than {MAX_DOUBLES} doubles: the others are left out"
            for name, at in sorted(self._crowded.items())
            if clock.monotonic() - at <= CROWDED_S
        )
        above = ceilings.sentences(self._bounded, self._ceilings)
        return (
            *self._doubled[:MAX_NAMED],
            *list(crowded)[:MAX_NAMED],
            *above[:MAX_NAMED],
            *self._claims[:MAX_NAMED],
        )

    def note_crowded(self, worker: str) -> None:
        """Keep that a name has too many doubles."""
        if len(self._crowded) < MAX_CROWDED:
            self._crowded[worker] = clock.monotonic()

    def note(self, done: Recorded) -> None:
        """Keep what a transaction recorded."""
        at = clock.monotonic()
        self._claims = self._claims if done.claims is None else done.claims
        for worker, one in done.bounded.items():
            self._note_bounded(worker, one)
        for worker in done.away:
            self._bounded.pop(worker, None)
        if done.bounded or done.away:
            for sentence in set(done.doubled) - set(self._doubled):
                _LOG.warning("worker_doubled", reason=sentence)
            self._doubled = done.doubled
        self._crowded |= dict.fromkeys(done.crowded[:MAX_CROWDED], at)
        # Names that only a flood knew are forgotten with it.
        recent = [(name, t) for name, t in self._crowded.items() if at - t <= CROWDED_S]
        self._crowded = dict(recent[-MAX_CROWDED:])

    def forget_others(self, workers: Collection[str]) -> None:
        """Forget all workers but these."""
        self._bounded = {name: one for name, one in self._bounded.items() if name in workers}

    def _note_bounded(self, worker: str, one: Bounded) -> None:
        """Keep and log that targets of a worker are left out, or held as they are."""
        before = self._bounded.pop(worker, None)
        if one.left_out or one.is_held:
            self._bounded[worker] = one
        if one.is_held and not (before and before.is_held):
            _LOG.warning("targets_held", worker=worker, announced=one.announced)
        elif one.left_out and not one.is_held and before is None:
            amount, out = one.announced, one.left_out
            _LOG.warning("targets_left_out", worker=worker, announced=amount, left_out=out)
