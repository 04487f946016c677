"""What the status says of announcements of new names that were left out, for some time."""

from __future__ import annotations

from stt_coordinator.domain.intake.names import WithinNames, sentences
from stt_shared import clock
from stt_shared.telemetry.logs import logger

SHOWN_S = 60.0  # four announcements of each worker
_LOG = logger("registry")


class NamesLeftOut:
    """The last time that names were left out."""

    def __init__(self) -> None:
        self._last = WithinNames(announcements={})
        self._at: float | None = None

    def note(self, found: WithinNames) -> None:
        """Keep and log how many announcements a batch left out, if any."""
        if not (found.above_workers or found.above_sites):
            return
        if not self.sentences():
            workers, sites = found.above_workers, found.above_sites
            _LOG.warning("names_left_out", above_workers=workers, above_sites=sites)
        # Without the announcements: they must not be kept until the next flood.
        self._last = WithinNames(
            announcements={}, above_workers=found.above_workers, above_sites=found.above_sites
        )
        self._at = clock.monotonic()

    def sentences(self) -> tuple[str, ...]:
        """One for each ceiling that was reached in the last SHOWN_S seconds."""
        is_recent = self._at is not None and clock.monotonic() - self._at <= SHOWN_S
        return sentences(self._last) if is_recent else ()
