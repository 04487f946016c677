"""The workers to which NATS refuses subjects that they need, for the status."""

from __future__ import annotations

from stt_shared.protocol.messages import Announcement
from stt_shared.report import readable

MAX_NAMED = 5  # workers in the status
MAX_KEPT = 1_000  # workers; names are invented for nothing
MAX_CHARACTERS = 300  # of the subjects of one worker


class RefusedAccess:
    """The refused subjects in the latest heartbeat of each worker, by its name."""

    def __init__(self) -> None:
        self._by_worker: dict[str, str] = {}

    def note(self, heard: Announcement) -> None:
        """Keep the refused subjects of a heartbeat."""
        room = len(self._by_worker) < MAX_KEPT or heard.worker in self._by_worker
        if not heard.refused or heard.leaving or not room:
            self._by_worker.pop(heard.worker, None)
            return
        named = readable.first_names(heard.refused)[:MAX_CHARACTERS]
        who = f"worker {heard.worker} at site {heard.site}"
        self._by_worker[heard.worker] = f"NATS does not let {who} use {named}"

    def sentences(self) -> tuple[str, ...]:
        """One for each of the first MAX_NAMED workers."""
        return tuple(sorted(self._by_worker.values()))[:MAX_NAMED]
