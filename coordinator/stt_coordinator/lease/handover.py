"""A standby requests the shared state folder from a coordinator that has lost NATS."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FILE = "coordinator.wanted"


@dataclass(slots=True)
class Handover:
    """A file that a standby writes if it could take the lease, but cannot lock the folder."""

    folder: Path
    looked: bool = False

    def want(self) -> None:
        """Request the folder; a process that uses it and may not act releases it."""
        with suppress(OSError):  # asked again with the next look
            (self.folder / FILE).touch()

    def is_wanted(self) -> bool:
        """Whether a standby asked since the first of these calls."""
        found = (self.folder / FILE).exists() and self.looked
        if not self.looked:
            # An older question may be of a standby that is gone; one that waits asks again soon.
            self.forget()
        self.looked = True
        return found

    def forget(self) -> None:
        """Drop what was asked before."""
        self.looked = False
        with suppress(OSError):
            (self.folder / FILE).unlink(missing_ok=True)
