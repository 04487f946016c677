"""Names the sites whose jobs are taken and not answered although their workers are up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from stt_coordinator.domain.model import JobRecord
from stt_shared import clock
from stt_shared.bus.values import Publication, Receipt
from stt_shared.protocol.enums import Family
from stt_shared.report import readable
from stt_shared.telemetry.logs import logger

SHOWN_S = 3_600.0  # how long the status says it after the last such job
MAX_NAMED = 5  # sites and types in the status
# Times the time-out of a result: a long queue holds jobs for some of them.
HELD_TIMES = 6
_LOG = logger("dispatch")


@dataclass(slots=True)
class _Site:
    """What was seen of the jobs of one site and type."""

    at: float  # of the last one, by the monotonic clock
    counts: Counter[str] = field(default_factory=Counter[str])


class SilentTakers:
    """Counts jobs that left NATS without a result, that stay there too long, or were given up.

    All workers of a site share its consumers: any of their credentials can take every job of the
    site. Who took one NATS does not tell; so all workers that could are named.
    """

    PARTS: ClassVar[dict[str, str]] = {
        "taken": "left NATS without a result, published again",
        "held": "not answered for long",
        "given_up": "given up",
    }

    def __init__(
        self, result_timeout: timedelta, sites: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        self._held_after = HELD_TIMES * result_timeout
        self._workers = sites  # the site of each worker, by its name
        self._sites: dict[tuple[str, Family], _Site] = {}

    def note(self, sent: Iterable[tuple[JobRecord, Receipt]], now: datetime) -> None:
        """Count what the receipts of published jobs show of their earlier dispatches."""
        for job, receipt in sent:
            if job.dispatch == 1:
                continue
            # A subject has room for one job: there is room again because somebody took the last
            # one, and no result has come since.
            if receipt.publication is Publication.STORED:
                self._count(job, "taken")
            is_late = now - job.created > self._held_after
            if is_late and receipt.publication is Publication.OCCUPIED:
                self._count(job, "held")

    def note_given_up(self, jobs: Iterable[JobRecord]) -> None:
        """Count jobs that ended without an answer although a worker of their target is up."""
        for job in jobs:
            self._count(job, "given_up")

    def _count(self, job: JobRecord, what: str) -> None:
        at, key = clock.monotonic(), (job.site, job.family)
        one = self._sites.get(key)
        if one is None or at - one.at > SHOWN_S:
            one = self._sites[key] = _Site(at)
            site, family = key
            _LOG.warning("jobs_unanswered", site=site, family=str(family), what=what)
        one.at = at
        one.counts[what] += 1

    @property
    def degraded(self) -> tuple[str, ...]:
        """A sentence for each of the first sites and types."""
        now = clock.monotonic()
        self._sites = {key: one for key, one in self._sites.items() if now - one.at <= SHOWN_S}
        return tuple(
            self._sentence(site, family, one)
            for (site, family), one in sorted(self._sites.items())[:MAX_NAMED]
        )

    def _sentence(self, site: str, family: Family, one: _Site) -> str:
        parts = (f"{one.counts[what]} {text}" for what, text in self.PARTS.items())
        numbers = ", ".join(part for part in parts if not part.startswith("0 "))
        workers = sorted(name for name, where in self._workers().items() if where == site)
        named = readable.first_names(workers) or "its workers"
        what = f"jobs of site {site} for {family} are not answered ({numbers})"
        why = "fails or has too many, or another client uses its credential"
        return f"{what} although workers are up: one of {named} {why}"
