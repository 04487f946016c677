"""Announcements that wait to be recorded, bounded whatever names and epochs are invented."""

from __future__ import annotations

from collections import Counter

from stt_coordinator.domain.intake.installations import MAX_DOUBLES, Installation, installation_of
from stt_shared.protocol.messages import Announcement

MAX_WAITING = 20_000  # of all names between two records


class WaitingAnnouncements:
    """The latest announcement of each installation; who has its name always has its place."""

    def __init__(self) -> None:
        self._kept: dict[Installation, Announcement] = {}
        self._of_name: Counter[str] = Counter()
        self.holders: frozenset[Installation] = frozenset()  # that have the name of their worker

    def keep(self, announcement: Announcement) -> bool:
        """Keep it in the place of an earlier one of its installation; false: too many wait."""
        key, worker = installation_of(announcement), announcement.worker
        if key not in self._kept:
            # Without the exception for holders a flood of invented epochs would silence the worker
            # whose name they use.
            is_crowded = self._of_name[worker] > MAX_DOUBLES or len(self._kept) >= MAX_WAITING
            if is_crowded and key not in self.holders:
                return False
            self._of_name[worker] += 1
        self._kept[key] = announcement
        return True

    def take(self) -> dict[Installation, Announcement]:
        """All that waits; nothing waits afterwards."""
        taken, self._kept, self._of_name = self._kept, {}, Counter()
        return taken

    def put_back(self, taken: dict[Installation, Announcement]) -> None:
        """Let those wait again that were not replaced meanwhile."""
        # In this order: what came meanwhile is newer and has to win.
        self._kept = taken | self._kept
        self._of_name = Counter(worker for _, worker, _ in self._kept)
