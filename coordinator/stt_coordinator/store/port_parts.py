"""The databases that verdicts do not cover, as the coordinator asks the store for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from stt_shared.protocol.messages import TargetPart


class PartsLedger(Protocol):
    """Databases inside targets that the latest outcome of a check left out."""

    def parts_not_checked(self, targets: Iterable[str], limit: int) -> list[TargetPart]:
        """Databases that a check left out, each once, by target and name; no `targets`: of all.

        Without gone targets and switched-off checks.
        """
        ...

    def parts_of_check(self, check: str, limit: int) -> list[TargetPart]:
        """Databases that this check left out, by target and name, without gone targets."""
        ...
