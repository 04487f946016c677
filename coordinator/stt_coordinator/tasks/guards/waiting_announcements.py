"""Announcements that wait to be recorded, bounded whatever names and epochs are invented."""

from __future__ import annotations

from collections import Counter
from enum import Enum

from stt_coordinator.domain.intake.installations import MAX_DOUBLES, Installation, installation_of
from stt_shared import clock
from stt_shared.protocol.messages import Announcement
from stt_shared.telemetry.logs import logger

MAX_WAITING = 20_000  # of all names between two records
SHOWN_S = 60.0  # how long the status says it: four announcements of each worker
_LOG = logger("registry")


class Place(Enum):
    """What became of an announcement, and why."""

    KEPT = "kept"
    CROWDED = "crowded"  # too many installations of its name wait
    FULL = "full"  # too many announcements of all names wait


class WaitingAnnouncements:
    """The latest announcement of each installation; who has its name always has its place."""

    def __init__(self) -> None:
        self._kept: dict[Installation, Announcement] = {}
        self._of_name: Counter[str] = Counter()
        self._left_out = 0  # since the status began to say so
        self._full_at: float | None = None  # when one was left out the last time
        self.holders: frozenset[Installation] = frozenset()  # that have the name of their worker

    def keep(self, announcement: Announcement) -> Place:
        """Keep it in the place of an earlier one of its installation, if there is room."""
        key, worker = installation_of(announcement), announcement.worker
        if key not in self._kept:
            # Without the exception for holders a flood of invented epochs would silence the worker
            # whose name they use.
            if key not in self.holders and (why := self._obstacle(worker)) is not Place.KEPT:
                return why
            self._of_name[worker] += 1
        self._kept[key] = announcement
        return Place.KEPT

    def _obstacle(self, worker: str) -> Place:
        # First what is wrong with this name alone: it stays so when the flood is over.
        if self._of_name[worker] > MAX_DOUBLES:
            return Place.CROWDED
        if len(self._kept) < MAX_WAITING:
            return Place.KEPT
        if not self.sentences():
            self._left_out = 0
            _LOG.warning("announcements_left_out", limit=MAX_WAITING)
        self._left_out += 1
        self._full_at = clock.monotonic()
        return Place.FULL

    def sentences(self) -> tuple[str, ...]:
        """One if announcements were left out in the last SHOWN_S seconds: why, and until when."""
        if self._full_at is None or clock.monotonic() - self._full_at > SHOWN_S:
            return ()
        what = f"more than {MAX_WAITING} announcements wait to be recorded, the limit"
        until = "each is recorded with its next announcement, at most 15 s after the flood ends"
        return (f"{what}: {self._left_out} of new workers were left out, {until}",)

    def take(self) -> dict[Installation, Announcement]:
        """All that waits; nothing waits afterwards."""
        taken, self._kept, self._of_name = self._kept, {}, Counter()
        return taken

    def put_back(self, taken: dict[Installation, Announcement]) -> None:
        """Let those wait again that were not replaced meanwhile."""
        # In this order: what came meanwhile is newer and has to win.
        self._kept = taken | self._kept
        self._of_name = Counter(worker for _, worker, _ in self._kept)
