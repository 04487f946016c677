"""The port of the latest outcome of each check on each target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from stt_coordinator.domain.model import Confirmation, Pair
from stt_shared.protocol.messages import TargetPart


class OutcomeLedger(Protocol):
    """The latest outcome by target and check.

    Current means: the target is not gone, the check is known and enabled. Outcomes of a target end
    with it, so that none is of an unknown target.
    """

    def of_targets(self, targets: Iterable[str]) -> list[Pair]:
        """Every outcome of these targets, current or not, in no particular order."""
        ...

    def put(self, pairs: Iterable[Pair]) -> None:
        """Insert or replace."""
        ...

    def confirm(self, confirmations: Mapping[str, Sequence[Confirmation]]) -> None:
        """By target, newer answers that repeat what was known; of each check or finding one.

        Of `checks` the pair becomes `domain.answers.confirmed` of it, of `findings` (ids)
        `last_confirmed` becomes `finished`; unknown ones are left out. One row for each target.
        """
        ...

    def never_run(self, limit: int, targets: Iterable[str] = ()) -> list[tuple[str, int]]:
        """Present targets by name, each with how many enabled checks of its family never ran.

        Among `targets`; no targets: among all.
        """
        ...

    def forget(self, targets: Iterable[str]) -> None:
        """Delete every outcome of these targets."""
        ...

    def current(self, after: tuple[str, str], limit: int) -> list[Pair]:
        """Current outcomes by (target, check), those strictly after `after`."""
        ...

    def parts_not_checked(self, targets: Iterable[str], limit: int) -> list[TargetPart]:
        """Databases that a current outcome left out, by target and name; no targets: of all.

        Each database once. Of several reasons the one whose JSON is least by code point stands.
        """
        ...

    def parts_of_check(self, check: str, limit: int) -> list[TargetPart]:
        """Databases that this check left out, by target and name, without gone targets.

        The check need not be enabled.
        """
        ...
